package traffic

import "time"

// TellTime is how often a process should write its counts into the master.
const TellTime = 3 * time.Second

const (
	// slotTime is the length of a slot of the last seconds.
	slotTime = TellTime
	// liveSlots is how many whole slots count as the last seconds.
	liveSlots = 2
)

func slotOf(t time.Time) int64 { return t.UnixNano() / int64(slotTime) }
