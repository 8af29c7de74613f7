package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// server is where a URL leads to. The URL may name several hosts, of which one at a time accepts writes.
type server struct {
	*pgx.ConnConfig
	hosts *hosts // shared by all copies
}

// Copy returns a copy that can be changed.
func (s *server) Copy() *server { return &server{s.ConnConfig.Copy(), s.hosts} }

// hosts is what this process has learned about the hosts of a URL. It is safe for concurrent use.
//
// A promotion begins a new timeline of the server. If the old primary returns and accepts writes, it is on the old
// timeline, and is refused. So all connections of this process go to one of the two, whatever the order of the
// hosts. Connections that are open to the old primary when the new one is seen are closed before they are used
// again.
type hosts struct {
	failovers atomic.Int64 // that this process has seen
	doubted   atomic.Bool  // a connection was silent, and none has been made since
	watch     *watch       // over the connections of scopes

	mu     sync.Mutex        // protects the fields below
	last   string            // the address to which it last connected
	newest map[string]uint32 // the latest timeline seen, by the server's system identifier
}

// dialHosts tries one host after another. It begins with the one to which it last connected, because a host that has
// disappeared costs its whole part of the time. pgx itself would stop at the first host that refuses to sign in, as a
// standby does that doesn't have a new tenant's database or role yet.
func dialHosts[C any](ctx context.Context, s *server, dial func(context.Context, *pgx.ConnConfig) (C, error)) (C, error) {
	timeout := connectTimeout
	if s.hosts.doubted.Load() {
		timeout = doubtedTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	configs := s.hosts.inOrder(hostByHost(s.ConnConfig))
	var none C
	var failure error
	for _, config := range configs {
		dialled, err := dialHost(ctx, config, timeout/time.Duration(len(configs)), dial)
		if err == nil {
			s.hosts.connected(config)
			return dialled, nil
		}
		if failure == nil || stateOf(failure) == "" && stateOf(err) != "" { // an answer says more than silence
			failure = err
		}
	}
	return none, shorten(s.ConnConfig, failure)
}

func dialHost[C any](ctx context.Context, config *pgx.ConnConfig, timeout time.Duration, dial func(context.Context, *pgx.ConnConfig) (C, error)) (C, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return dial(ctx, config)
}

// meetTime is how long the other hosts may take to answer once one has accepted a connection.
const meetTime = time.Second

// meet connects to each of several hosts, to learn which of those that accept writes is on the latest timeline, and
// which has disappeared.
func (s *server) meet(ctx context.Context) {
	configs := s.hosts.inOrder(hostByHost(s.ConnConfig))
	if len(configs) == 1 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, connectTimeout/time.Duration(len(configs)))
	defer cancel()
	answers := make(chan int, len(configs))
	for i, config := range configs {
		go func() {
			conn, err := pgx.ConnectConfig(ctx, config)
			if err != nil {
				i = len(configs)
			} else {
				_ = conn.Close(ctx)
			}
			answers <- i
		}()
	}
	if first := firstOf(answers, len(configs)); first < len(configs) {
		s.hosts.connected(configs[first])
	}
}

// firstOf returns the least of n answers, or of those that arrive within meetTime after the first one below n.
func firstOf(answers <-chan int, n int) int {
	first := n
	var late <-chan time.Time
	for range n {
		select {
		case i := <-answers:
			first = min(first, i)
		case <-late:
			return first
		}
		if first < n && late == nil {
			late = time.After(meetTime)
		}
	}
	return first
}

// inOrder returns the configs in the order in which to try them. If there are several, each has the timeline checked.
func (h *hosts) inOrder(configs []*pgx.ConnConfig) []*pgx.ConnConfig {
	if len(configs) == 1 {
		return configs
	}
	h.mu.Lock()
	last := h.last
	h.mu.Unlock()
	for i, config := range configs {
		config.ValidateConnect = h.checked(config.ValidateConnect)
		if addressOf(config) == last {
			copy(configs[1:i+1], configs[:i])
			configs[0] = config
		}
	}
	return configs
}

// connected records that a host has accepted a connection.
func (h *hosts) connected(config *pgx.ConnConfig) {
	if h.doubted.Load() {
		h.doubted.Store(false)
	}
	address := addressOf(config)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.last = address
}

// timelineSQL selects the server's system identifier and the name of a file whose first eight digits are the
// timeline. pg_control_checkpoint() tells the timeline only after the first checkpoint since the promotion.
const timelineSQL = "SELECT (pg_control_system()).system_identifier, pg_walfile_name(pg_current_wal_insert_lsn())"

// checked returns a check of a new connection that also refuses a standby and an older timeline. A server that
// doesn't tell its timeline is accepted.
func (h *hosts) checked(check pgconn.ValidateConnectFunc) pgconn.ValidateConnectFunc {
	return func(ctx context.Context, conn *pgconn.PgConn) error {
		if err := check(ctx, conn); err != nil {
			return err
		}
		results, err := conn.Exec(ctx, timelineSQL).ReadAll()
		var refused *pgconn.PgError
		switch {
		case stateOf(err) == "55000": // a standby before Postgres 14
			return errStandby
		case errors.As(err, &refused):
			return nil
		case err != nil:
			return err
		}
		row := results[0].Rows[0]
		timeline, err := strconv.ParseUint(string(row[1][:min(8, len(row[1]))]), 16, 32)
		if err != nil {
			return nil
		}
		return h.see(string(row[0]), uint32(timeline))
	}
}

// see records a timeline, or returns an error if a later one of the same system has been seen.
func (h *hosts) see(system string, timeline uint32) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	newest, known := h.newest[system]
	if timeline < newest {
		return fmt.Errorf("the server is on timeline %d and another host of the URL was on timeline %d: it is an old primary that accepts writes; "+
			"stop it, or make it a standby", timeline, newest)
	}
	if known && timeline > newest {
		h.failovers.Add(1)
	}
	h.newest[system] = timeline
	return nil
}
