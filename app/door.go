package app

import (
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"syscall"
	"time"
)

// door is a listener that admits a bounded number of clients, and a share of
// that number from each address. When it is full it disconnects the client that
// has waited longest between two requests; if all are busy, it answers the next
// client with 503. No client waits for a place.
type door struct {
	net.Listener
	limit, share, spare int
	exempt              []netip.Prefix // networks whose addresses have no share: proxies
	log                 *slog.Logger

	mu      sync.Mutex // guards what follows, and what clients say it does
	open    int        // clients that were let in
	turned  int        // clients that are told to come again
	from    map[netip.Prefix]int
	waiting client // ring of those that are not active, the longest first
	missed  int    // clients turned away since the log told of them
	told    time.Time
}

// Why clients are turned away.
const (
	doorFull  = "All connections are taken. Try again."
	shareFull = "Too many connections come from this address. Close some, and try again."
)

const (
	// settleTime is how long a client has to send the head of its request
	// before its place may be given to another.
	settleTime = time.Second
	// refusalTime is how long a refused client may stay connected.
	refusalTime = 2 * time.Second
	// missedInterval is how often the log reports refused clients.
	missedInterval = 10 * time.Second
)

func newDoor(l net.Listener, limit, share, spare int, exempt []netip.Prefix, log *slog.Logger) *door {
	d := &door{Listener: l, limit: limit, share: share, spare: spare, exempt: exempt, log: log, from: map[netip.Prefix]int{}}
	d.waiting.prev, d.waiting.next = &d.waiting, &d.waiting
	return d
}

// Accept returns the next client. If the process has too many files open,
// Accept disconnects a waiting client to free one.
func (d *door) Accept() (net.Conn, error) {
	for {
		conn, err := d.Listener.Accept()
		if errors.Is(err, syscall.EMFILE) && d.showOut() {
			continue
		}
		if err != nil {
			return nil, err
		}
		if c := d.admit(conn); c != nil {
			return c, nil
		}
		reject(conn)
	}
}

// reject refuses a client before it sends a request, if too many refused
// clients are connected already.
func reject(conn net.Conn) {
	_ = conn.SetDeadline(time.Now().Add(time.Second)) // the buffer is empty: it won't wait
	_, _ = conn.Write([]byte("HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"))
	_ = conn.Close()
}

// admit returns the client, admitted or only to be told to retry, or nil if
// there is no place for either.
func (d *door) admit(conn net.Conn) *client {
	now := time.Now()
	c := &client{Conn: conn, door: d, source: source(conn.RemoteAddr()), since: now}
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.from[c.source] >= d.share && !d.isExempt(c.source) && !d.dismiss(now, c.source):
		c.refused = shareFull
	case d.open >= d.limit && !d.dismiss(now, netip.Prefix{}):
		c.refused = doorFull
	}
	if c.refused == "" {
		d.open++
		d.from[c.source]++
		d.enqueue(c, silent, now)
		return c
	}
	d.miss(now)
	if d.turned >= d.spare {
		return nil
	}
	d.turned++
	c.phase, c.until = active, now.Add(refusalTime)
	return c
}

// source is the range of addresses that one client has: one IPv4 address, or an
// IPv6 network of 64 bits.
func source(addr net.Addr) netip.Prefix {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok {
		return netip.Prefix{}
	}
	ip := tcp.AddrPort().Addr().Unmap().WithZone("")
	bits := ip.BitLen()
	if ip.Is6() {
		bits = 64
	}
	return netip.PrefixFrom(ip, bits).Masked()
}

func (d *door) isExempt(source netip.Prefix) bool {
	for _, network := range d.exempt {
		if network.Overlaps(source) {
			return true
		}
	}
	return false
}

// dismiss disconnects the client that has waited longest, of the given source
// unless that is zero. It returns false if there is none. The caller must hold
// the lock.
func (d *door) dismiss(now time.Time, of netip.Prefix) bool {
	for c := d.waiting.next; c != &d.waiting; c = c.next {
		if (c.source == of || of == netip.Prefix{}) && (c.phase == idle || now.Sub(c.since) >= settleTime) {
			d.remove(c)
			_ = c.Conn.Close()
			return true
		}
	}
	return false
}

// showOut is like dismiss, for callers that don't hold the lock.
func (d *door) showOut() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.dismiss(time.Now(), netip.Prefix{})
}

// received records that data arrived. It returns false if the client was
// disconnected.
func (d *door) received(c *client) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !c.left && (c.phase == silent || c.phase == idle) {
		d.enqueue(c, heading, time.Now())
	}
	return !c.left
}

// follow is the http.Server.ConnState hook.
func (d *door) follow(conn net.Conn, state http.ConnState) {
	c, ok := conn.(*client)
	if !ok || state != http.StateActive && state != http.StateIdle {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case c.left || c.refused != "":
	case state == http.StateIdle:
		d.enqueue(c, idle, time.Now())
	default:
		c.unlink()
		c.phase = active
	}
}

// leave releases the client's place.
func (d *door) leave(c *client) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.remove(c)
}

// remove is like leave. The caller must hold the lock.
func (d *door) remove(c *client) {
	if c.left {
		return
	}
	c.left = true
	if c.refused != "" {
		d.turned--
		return
	}
	c.unlink()
	d.open--
	if d.from[c.source]--; d.from[c.source] == 0 {
		delete(d.from, c.source)
	}
}

// enqueue puts the client behind all that wait. The caller must hold the lock.
func (d *door) enqueue(c *client, p phase, now time.Time) {
	c.unlink()
	c.phase, c.since = p, now
	c.prev, c.next = d.waiting.prev, &d.waiting
	c.prev.next, c.next.prev = c, c
}

// unlink removes the client from the ring, if it is there. The caller must hold
// the lock.
func (c *client) unlink() {
	if c.next == nil {
		return
	}
	c.prev.next, c.next.prev = c.next, c.prev
	c.prev, c.next = nil, nil
}

// miss counts a refused client, and logs the count every missedInterval. The
// caller must hold the lock.
func (d *door) miss(now time.Time) {
	d.missed++
	if now.Sub(d.told) < missedInterval {
		return
	}
	d.log.Warn("clients were turned away: too many connections", "listener", d.Addr().String(),
		"clients", d.missed, "open", d.open, "at_most", d.limit)
	d.missed, d.told = 0, now
}
