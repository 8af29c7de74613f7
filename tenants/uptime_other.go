//go:build !linux

package tenants

import "time"

// newUptime returns a clock that can't be set: the time since some moment.
func newUptime() func() time.Duration {
	start := time.Now()
	return func() time.Duration { return time.Since(start) }
}
