package tenants

import (
	"time"

	"golang.org/x/sys/unix"
)

// newUptime makes a clock that can't be set: the time since some moment. It runs
// on while the machine sleeps, when Go's own monotonic clock stops.
func newUptime() func() time.Duration {
	return func() time.Duration {
		var at unix.Timespec
		if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &at); err != nil {
			panic(err) // every kernel that Go supports has the clock
		}
		return time.Duration(at.Nano())
	}
}
