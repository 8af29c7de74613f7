package traffic

import "time"

// TellTime is how often a process should write its counts into the master.
const TellTime = 3 * time.Second

const (
	// slotTime is the length of a slot of the last seconds.
	slotTime = TellTime
	// liveSlots is how many whole slots count as the last seconds.
	liveSlots = 2
	// liveTime is their length.
	liveTime = liveSlots * slotTime
)

func slotOf(t time.Time) int64 { return t.UnixNano() / int64(slotTime) }

// live returns the counts of the last seconds, in total and by tenant. Tenants without
// requests are left out.
func (r *Recorder) live() (all counts, byTenant map[string]counts) {
	r.mu.Lock()
	defer r.mu.Unlock()
	last := max(slotOf(r.now()), r.slot) - 1 // the last slot that is over
	byTenant = map[string]counts{}
	if all = r.all.live.sum(last, liveSlots); all.requests == 0 {
		return all, byTenant
	}
	for id, of := range r.tenants {
		if sum := of.live.sum(last, liveSlots); sum.requests > 0 {
			byTenant[id] = sum
		}
	}
	return all, byTenant
}
