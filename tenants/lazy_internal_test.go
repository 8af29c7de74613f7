package tenants

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestLazyPauses: after a failure the migration is tried again only some time later, ever more rarely, and at once after
// a success or a maintenance by others.
func TestLazyPauses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var answer error
		calls := 0
		l := newLazy(time.Second, func(context.Context, *Tenant) error { calls++; return answer })
		defer l.close()
		behind := &VersionError{1, 2, 2}
		tenant := &Tenant{ID: "acme"}
		within := func(span time.Duration, want int) {
			t.Helper()
			calls = 0
			for end := time.Now().Add(span); time.Now().Before(end); time.Sleep(time.Second) {
				if err := l.wake(t.Context(), tenant, behind); (err == nil) != (answer == nil) || err != nil && !errors.Is(err, ErrSchemaVersion) && !errors.Is(answer, ErrMaintenance) {
					t.Errorf("got %v", err)
				}
			}
			if calls != want {
				t.Errorf("%d calls in %s, want %d", calls, span, want)
			}
		}
		answer = errors.New("refused")
		within(25*time.Second, 1)
		within(60*time.Second, 1) // at 30 s
		within(5*time.Minute, 2)  // at 90 s and 210 s
		within(12*time.Minute, 3) // every 4 minutes
		answer = &OlderBuildError{Instances: []Instance{{}}}
		time.Sleep(longestLazyPause)
		within(10*time.Second, 5)
		answer = ErrMaintenance
		time.Sleep(refusalPause)
		within(10*time.Second, 10)
		answer = nil
		within(10*time.Second, 10)
		answer = errors.New("refused")
		within(25*time.Second, 1)
	})
}

// TestLazyWaits: a scope waits for the migration as long as it may, and the migration goes on without it.
func TestLazyWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ended := false
		l := newLazy(5*time.Second, func(ctx context.Context, _ *Tenant) error {
			time.Sleep(time.Minute)
			ended = ctx.Err() == nil
			return nil
		})
		begun := time.Now()
		if err := l.wake(t.Context(), &Tenant{ID: "acme"}, &VersionError{1, 2, 2}); !errors.Is(err, ErrMaintenance) || time.Since(begun) != 5*time.Second {
			t.Errorf("got %v after %s", err, time.Since(begun))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := l.wake(ctx, &Tenant{ID: "acme"}, ErrMaintenance); !errors.Is(err, ErrMaintenance) || !l.isUnderWay("acme") {
			t.Errorf("with a deadline: %v", err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if !ended || l.isUnderWay("acme") {
			t.Error("the migration did not go on")
		}
		l.close()
		if err := l.wake(t.Context(), &Tenant{ID: "acme"}, &VersionError{1, 2, 2}); !errors.Is(err, ErrClosed) {
			t.Errorf("after the end: %v", err)
		}
	})
}
