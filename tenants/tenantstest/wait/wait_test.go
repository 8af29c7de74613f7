package wait_test

import (
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"tenantry/tenants/tenantstest/wait"
)

// watched is a test whose end is seen.
type watched struct {
	testing.TB
	failed string
}

func (w *watched) Helper() {}

func (w *watched) Fatalf(format string, args ...any) {
	w.failed = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// TestWait: what happens in time ends the wait, and what does not ends the test with what it waited for.
func TestWait(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		after    time.Duration // what is waited for happens
		wait     func(t testing.TB, happened func() bool)
		most     time.Duration
		reported string
	}{
		"at once":       {0, until, 0, ""},
		"later":         {time.Minute, until, time.Minute + time.Second, ""},
		"never":         {time.Hour, until, 2*time.Minute + time.Second, "waited 2m0s in vain for an answer"},
		"not soon":      {time.Hour, within, 4 * time.Second, "waited 3s in vain for an answer"},
		"a value later": {time.Minute, value, time.Minute + time.Second, ""},
		"never a value": {time.Hour, value, 2*time.Minute + time.Second, "waited 2m0s in vain for an answer: false"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				begun, w, ended := time.Now(), &watched{TB: t}, make(chan struct{})
				go func() {
					defer close(ended)
					test.wait(w, func() bool { return time.Since(begun) >= test.after })
				}()
				<-ended
				if took := time.Since(begun); w.failed != test.reported || took > test.most {
					t.Errorf("%q after %v", w.failed, took)
				}
			})
		})
	}
}

func until(t testing.TB, happened func() bool)  { wait.Until(t, "an answer", happened) }
func within(t testing.TB, happened func() bool) { wait.Within(t, 3*time.Second, "an answer", happened) }

func value(t testing.TB, happened func() bool) {
	if !wait.For(t, "an answer", happened, func(is bool) bool { return is }) {
		t.Errorf("For returned another value")
	}
}
