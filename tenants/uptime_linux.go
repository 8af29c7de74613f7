package tenants

import (
	"time"

	"golang.org/x/sys/unix"
)

// newUptime returns a clock that can't be set: the time since some moment. It includes the time during
// which the machine sleeps, unlike Go's monotonic clock.
func newUptime() func() time.Duration {
	return func() time.Duration {
		var at unix.Timespec
		if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &at); err != nil {
			panic(err) // every kernel that Go supports has the clock
		}
		return time.Duration(at.Nano())
	}
}
