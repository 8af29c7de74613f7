package exports

import (
	"testing"
	"time"

	"tenantry/tenants/bucket"
)

// TestExpired backs up every 40 minutes for 60 days, and removes what has expired each time: every backup of the last day, the
// last one of each day before, and what was in force when the time that is kept began, stay.
func TestExpired(t *testing.T) {
	t.Parallel()
	const keep = 30 * 24 * time.Hour
	begin := time.Date(2026, 2, 27, 5, 0, 0, 0, time.UTC)
	var all, kept []file
	now := begin
	for ; now.Before(begin.Add(60 * 24 * time.Hour)); now = now.Add(40 * time.Minute) {
		f := file{bucket.Object{Key: keyOf("a", now)}, now}
		all, kept = append(all, f), append(kept, f)
		gone := map[string]bool{}
		for _, f := range expired(kept, now, keep) {
			gone[f.Key] = true
		}
		left := kept[:0:0]
		for _, f := range kept {
			if !gone[f.Key] {
				left = append(left, f)
			}
		}
		kept = left
	}
	before := func(files []file, at time.Time) string {
		found := ""
		for _, f := range files {
			if !f.at.After(at) {
				found = f.Key
			}
		}
		return found
	}
	for at := now.Add(-24 * time.Hour); at.Before(now); at = at.Add(7 * time.Minute) {
		if got, want := before(kept, at), before(all, at); got != want {
			t.Errorf("%v: there is %s, want %s", at, got, want)
		}
	}
	for day := now.Add(-keep).Truncate(24 * time.Hour).Add(48*time.Hour - 1); day.Before(now); day = day.Add(24 * time.Hour) {
		if got, want := before(kept, day), before(all, day); got != want {
			t.Errorf("%v: there is %s, want %s", day, got, want)
		}
	}
	if kept[0].at.After(now.Add(-keep)) {
		t.Errorf("the oldest is of %v", kept[0].at)
	}
	if most := 24*60/40 + 32; len(kept) > most {
		t.Errorf("%d are kept, more than %d", len(kept), most)
	}
	if got := expired(all[:1], now.Add(time.Hour*24*365), keep); len(got) != 0 {
		t.Errorf("the only backup is removed: %v", got)
	}
}
