package tenants

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestAHandleIsOpenedForWhomItWaits: for a job until a person waits for it, too.
func TestAHandleIsOpenedForWhomItWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		opening := make(chan context.Context, 1)
		opener := &fakeOpener{took: time.Second}
		p := newPool(1, time.Minute, func(ctx context.Context, of *Tenant) (*handle, error) {
			opening <- ctx
			return opener.open(ctx, of)
		})
		var leases sync.WaitGroup
		lease := func(ctx context.Context) {
			leases.Go(func() {
				e, err := p.acquire(ctx, tenantNamed("acme"), 0)
				if err != nil {
					t.Error(err)
					return
				}
				p.release(e)
			})
			synctest.Wait()
		}
		lease(AsJob(t.Context()))
		lease(AsJob(t.Context()))
		ctx := <-opening
		if !IsJob(ctx) {
			t.Error("it isn't opened for the jobs")
		}
		for range 2 {
			lease(t.Context())
		}
		select {
		case <-Hurried(ctx):
		default:
			t.Error("the person doesn't hurry it")
		}
		if IsJob(ctx) {
			t.Error("it is opened for a job still")
		}
		leases.Wait()
		mustClosePool(t, p)
	})
}
