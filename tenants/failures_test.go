package tenants

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestFailuresAreBoundedAndExpire: at most 1,000 tenants, for five minutes.
func TestFailuresAreBoundedAndExpire(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFailures()
		long := errors.New("a cause\n" + strings.Repeat("é", 1000))
		for i := range maxFailures + 10 {
			f.add(&Tenant{ID: fmt.Sprint(i), Server: "s"}, long)
		}
		list := f.list()
		if len(list) != maxFailures || len([]rune(list[0].Cause)) != maxCause || strings.Contains(list[0].Cause, "\n") {
			t.Errorf("%d failures, cause %q", len(list), list[0].Cause)
		}
		time.Sleep(failureTTL - time.Second)
		f.add(&Tenant{ID: "7", Server: "s"}, long)
		time.Sleep(time.Second)
		if list := f.list(); len(list) != 1 || list[0].TenantID != "7" || list[0].Last.Sub(list[0].Since) != failureTTL-time.Second {
			t.Errorf("left: %v", list)
		}
		f.succeeded(&Tenant{ID: "7", Server: "s"})
		if f.list() != nil || f.any.Load() || len(f.served) != 0 {
			t.Error("something is left after a success")
		}
	})
}

// TestFailuresKnowWhetherAServerServes: a success counts for its server alone.
func TestFailuresKnowWhetherAServerServes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFailures()
		f.add(&Tenant{ID: "a", Server: "s"}, ErrUnavailable)
		time.Sleep(time.Second)
		f.succeeded(&Tenant{ID: "b", Server: "s"})
		f.succeeded(&Tenant{ID: "c", Server: "other"})
		since := f.list()[0].Since
		if !f.servedSince("s", since) || f.servedSince("s", time.Now()) || f.servedSince("third", since) {
			t.Error("the last success is not that on the server")
		}
		f.forget("a")
		if f.list() != nil {
			t.Error("what an operation works on is still failing")
		}
	})
}
