package tenants

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestSilenceIsMeasuredHere: whether an instance without a mark is counted dead
// depends on how long it was seen to send no heartbeat, and on no clock's time.
func TestSilenceIsMeasuredHere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &Master{silences: map[string]silence{}}
		i := &Instance{ID: "i", TTL: time.Second, ExpiresAt: time.Now().Add(-24 * time.Hour)}
		expect := func(what string, standing Standing, want bool) {
			t.Helper()
			if got := m.isSilent(i, standing); got != want {
				t.Errorf("%s: silent is %t", what, got)
			}
		}
		expect("a heartbeat long ago, seen for the first time", Silent, false)
		time.Sleep(commitMargin)
		expect("its TTL is not over", Silent, false)
		i.ExpiresAt = i.ExpiresAt.Add(-time.Hour)
		expect("a heartbeat after the clock was set back", Silent, false)
		time.Sleep(commitMargin)
		i.ExpiresAt = i.ExpiresAt.Add(48 * time.Hour)
		expect("a heartbeat after the clock was set forward", Silent, false)
		time.Sleep(commitMargin)
		expect("the mark is held again", Alive, false)
		time.Sleep(commitMargin)
		expect("the mark was held meanwhile", Silent, false)
		time.Sleep(commitMargin + time.Second + 1)
		expect("silence for long enough", Silent, true)
		i.TTL = 0
		expect("written by an older version", Silent, false)
		time.Sleep(DefaultInstanceTTL)
		expect("written by an older version, for longer", Silent, true)
	})
}

// TestNoCommitAfterSilence holds the rule from the other side, at every TTL:
// whatever an instance decides to commit has ended before others count it dead.
func TestNoCommitAfterSilence(t *testing.T) {
	t.Parallel()
	for _, ttl := range []time.Duration{time.Millisecond, time.Second, DefaultInstanceTTL, 10 * time.Minute} {
		for _, away := range []time.Duration{0, ttl / 2, 3 * ttl} {
			life := lifeOf(ttl, away)
			i := &Process{ttl: ttl, life: life}
			for asleep := time.Duration(0); asleep <= 2*life; asleep += life / 8 {
				i.clock = func() time.Duration { return asleep }
				err := i.check()
				if ends := asleep + CommitTime; err == nil && ends >= life+commitMargin {
					t.Errorf("TTL %v, away %v: a commit may end %v after the last heartbeat", ttl, away, ends)
				}
				if lapses := asleep > life*3/4; lapses != errors.Is(err, ErrLapsed) {
					t.Errorf("TTL %v, away %v, %v after the last heartbeat: %v", ttl, away, asleep, err)
				}
			}
		}
	}
}
