package app

import (
	"net"
	"net/netip"
	"time"
)

// client is a connection that a door accepted. What it is waiting for is guarded by the
// door's lock; the rest doesn't change.
type client struct {
	net.Conn
	door    *door
	source  netip.Prefix
	refused string    // why it is only told to come again; empty when it was let in
	until   time.Time // when a refused client must have left

	phase      phase
	since      time.Time // when the phase began
	left       bool      // it is closed, or about to be
	prev, next *client   // among those that wait, while phase is not active
}

// phase is what a connection is doing.
type phase int

const (
	silent  phase = iota // new, and nothing has arrived
	idle                 // between two requests
	heading              // part of a request's head has arrived
	active               // a request runs
)

// Read reads what the client sent. It reads nothing from a client that was
// disconnected meanwhile: the request would run, and its reply be lost.
func (c *client) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 && !c.door.received(c) {
		return 0, net.ErrClosed
	}
	return n, err
}

// Write sends part of a reply, in the time that a reply of its length may take.
func (c *client) Write(p []byte) (int, error) {
	patience := replyPatience + time.Duration(len(p))*time.Second/replyRate
	if err := c.Conn.SetWriteDeadline(time.Now().Add(patience)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

// SetReadDeadline sets the read deadline. A refused client can't extend its
// own.
func (c *client) SetReadDeadline(end time.Time) error {
	if c.refused != "" && (end.IsZero() || end.After(c.until)) {
		end = c.until
	}
	return c.Conn.SetReadDeadline(end)
}

// CloseWrite tells the client that nothing more comes.
func (c *client) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// Close gives the client's place to the next one.
func (c *client) Close() error {
	c.door.leave(c)
	return c.Conn.Close()
}
