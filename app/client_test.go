package app

import (
	"net"
	"net/netip"
	"testing"
	"time"
)

// TestSlowReadersAreCut writes to a client that reads nothing: the write ends
// when the time is over that a reply of its length may take.
func TestSlowReadersAreCut(t *testing.T) {
	t.Parallel()
	ours, theirs := net.Pipe() // which has no buffer
	defer theirs.Close()
	c := &client{Conn: ours, source: netip.Prefix{}}
	begin := time.Now()
	_, err := c.Write(make([]byte, replyRate))
	if took := time.Since(begin); err == nil || took < replyPatience || took > replyPatience+time.Minute {
		t.Errorf("after %s: %v", took, err)
	}
}
