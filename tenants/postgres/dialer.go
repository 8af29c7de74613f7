package postgres

import (
	"net"
	"time"
)

// vanishTime is how long a server's machine may give no sign of itself, though it was sent something or asked for one.
const vanishTime = 20 * time.Second

// newDialer returns a dialer whose connections break when the server's machine has disappeared. Nothing would tell of
// that otherwise for many minutes.
func newDialer() *net.Dialer {
	return &net.Dialer{
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: vanishTime / 4, Interval: vanishTime / 4, Count: 3},
		Control:         limitUnacknowledged,
	}
}
