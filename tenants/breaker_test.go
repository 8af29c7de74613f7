package tenants

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestBreaker admits a probe each second, and all scopes once the server has answered.
func TestBreaker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBreaker()
		admitted := func() (n int) {
			for range 10 {
				if b.admit() == nil {
					n++
				}
			}
			return n
		}
		b.failed()
		b.failed()
		if n := admitted(); n != 10 {
			t.Errorf("after two failures %d of 10 scopes were admitted", n)
		}
		b.failed()
		if n := admitted(); n != 0 {
			t.Errorf("after three failures %d scopes were admitted", n)
		}
		for range 3 {
			time.Sleep(time.Second)
			if n := admitted(); n != 1 {
				t.Errorf("a second later %d scopes were admitted", n)
			}
		}
		b.failed()
		if n := admitted(); n != 0 {
			t.Errorf("after a failed probe %d scopes were admitted", n)
		}
		b.answered()
		if n := admitted(); n != 10 {
			t.Errorf("after an answer %d of 10 scopes were admitted", n)
		}
	})
}
