package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"tenantry/tenants"
)

const (
	// silentFor is how many rounds of a watch a connection may be silent until the watch asks whether the server can be
	// reached.
	silentFor = 3
	// watchInterval is the time between two rounds.
	watchInterval = time.Second
	// reachTime limits the answer to that question.
	reachTime = 3 * time.Second
)

// errSilent means that the server answers neither a statement nor a new connection.
var errSilent = fmt.Errorf("%w: it fell silent amid a statement", tenants.ErrServerDown)

// watch breaks connections on which a statement waits for a server that can't be reached any more. A proxy or a
// network that has swallowed a connection may acknowledge all that is sent, so TCP doesn't notice. A slow statement is
// silent, too: so the watch asks, over another connection. It runs while there are connections, and costs a read from
// one two atomic additions. It is safe for concurrent use.
type watch struct {
	interval, reach time.Duration

	mu      sync.Mutex // protects the fields below
	conns   map[*watched]struct{}
	running bool
}

func newWatch() *watch {
	return &watch{interval: watchInterval, reach: reachTime, conns: map[*watched]struct{}{}}
}

// watched is a connection to a server that a watch looks after.
type watched struct {
	net.Conn
	watch            *watch
	network, address string

	reads  atomic.Int64 // odd while a read waits
	broken atomic.Bool

	// Only the watch uses the fields below.
	seen   int64 // reads in the last round
	silent int   // rounds in which one read has waited
}

// dialed begins to watch a connection that was dialled, until it is closed.
func (w *watch) dialed(conn net.Conn, network, address string) net.Conn {
	c := &watched{Conn: conn, watch: w, network: network, address: address}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conns[c] = struct{}{}
	if !w.running {
		w.running = true
		go w.run()
	}
	return c
}

// Read reads. Returns errSilent if the watch has broken the connection.
func (c *watched) Read(p []byte) (int, error) {
	c.reads.Add(1)
	n, err := c.Conn.Read(p)
	c.reads.Add(1)
	if err != nil && c.broken.Load() && errors.Is(err, os.ErrDeadlineExceeded) {
		return n, errSilent // no timeout: pgx would go on
	}
	return n, err
}

// Close closes the connection.
func (c *watched) Close() error {
	c.watch.mu.Lock()
	delete(c.watch.conns, c)
	c.watch.mu.Unlock()
	return c.Conn.Close()
}

// run makes rounds until there are no connections.
func (w *watch) run() {
	ticker := time.NewTicker(w.interval)
	defer ticker.Stop()
	for range ticker.C {
		silent, ended := w.round()
		if ended {
			return
		}
		answers := map[string]bool{}
		for _, c := range silent {
			answer, asked := answers[c.address]
			if !asked {
				answer = reaches(c.network, c.address, w.reach)
				answers[c.address] = answer
			}
			if !answer {
				c.breakOff()
			}
		}
	}
}

// round returns the connections that have been silent for silentFor rounds. They count as not silent then. ended means
// that there are no connections: the next one starts another run.
func (w *watch) round() (silent []*watched, ended bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.conns {
		reads := c.reads.Load()
		if reads%2 == 0 || reads != c.seen {
			c.seen, c.silent = reads, 0
			continue
		}
		if c.silent++; c.silent >= silentFor {
			c.silent = 0
			silent = append(silent, c)
		}
	}
	w.running = len(w.conns) > 0
	return silent, !w.running
}

// breakOff ends the read that waits, unless the server has answered it meanwhile.
func (c *watched) breakOff() {
	if c.reads.Load() != c.seen {
		return
	}
	c.broken.Store(true)
	_ = c.SetReadDeadline(time.Now())
}

// sslRequest asks a server whether it supports TLS. It answers each such question with a letter, before anyone signs in.
var sslRequest = []byte{0, 0, 0, 8, 4, 210, 22, 47}

// reaches reports whether a server answers a new connection within a time.
func reaches(network, address string, within time.Duration) bool {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	conn, err := newDialer().DialContext(ctx, network, address)
	if err != nil {
		return false
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok && conn.SetDeadline(deadline) != nil {
		return false
	}
	if _, err := conn.Write(sslRequest); err != nil {
		return false
	}
	_, err = conn.Read(make([]byte, 1))
	return err == nil
}
