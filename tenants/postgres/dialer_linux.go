package postgres

import "syscall"

// tcpUserTimeout is TCP_USER_TIMEOUT, which package syscall lacks.
const tcpUserTimeout = 18

// limitUnacknowledged breaks a connection when what was sent is not acknowledged for vanishTime. Keep-alives are not
// sent then. A slow statement doesn't count: the machine acknowledges it at once.
func limitUnacknowledged(network, _ string, raw syscall.RawConn) error {
	if network != "tcp4" && network != "tcp6" {
		return nil
	}
	var failure error
	err := raw.Control(func(fd uintptr) {
		failure = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout, int(vanishTime.Milliseconds()))
	})
	if err != nil {
		return err
	}
	return failure
}
