package postgres

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"testing"
	"time"

	"tenantry/tenants"
	"tenantry/tenants/tenantstest/pgcluster"
	"tenantry/tenants/tenantstest/pgproxy"
)

// TestOlderTimelinesAreRefused: of the same system only.
func TestOlderTimelinesAreRefused(t *testing.T) {
	t.Parallel()
	s, err := parseURL("postgres://h/m")
	if err != nil {
		t.Fatal(err)
	}
	for i, seen := range []struct {
		system    string
		timeline  uint32
		ok        bool
		failovers int64
	}{{"a", 2, true, 0}, {"a", 2, true, 0}, {"a", 3, true, 1}, {"a", 2, false, 1}, {"b", 1, true, 1}, {"a", 3, true, 1}, {"b", 2, true, 2}} {
		if err := s.hosts.see(seen.system, seen.timeline); (err == nil) != seen.ok || s.hosts.failovers.Load() != seen.failovers {
			t.Errorf("%d: %v, %d failovers", i, err, s.hosts.failovers.Load())
		}
	}
}

// TestLastHostIsTriedFirst: otherwise one that has disappeared would cost each connect its part of the time.
func TestLastHostIsTriedFirst(t *testing.T) {
	t.Parallel()
	s, err := parseURL("postgres://one:1,two:2,three/m?sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	order := func() (names string) {
		for _, config := range s.hosts.inOrder(hostByHost(s.ConnConfig)) {
			names += config.Host + " "
		}
		return names
	}
	if got := order(); got != "one two three " {
		t.Errorf("at first %s", got)
	}
	for host, want := range map[int]string{0: "one two three ", 1: "two one three ", 2: "three one two "} {
		s.hosts.connected(hostByHost(s.ConnConfig)[host])
		if got := order(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// TestHostThatHasVanished costs the start a second, and the connects that follow nothing.
func TestHostThatHasVanished(t *testing.T) {
	t.Parallel()
	vanished, there := pgproxy.New(t, pgcluster.URL(t)), pgproxy.New(t, pgcluster.URL(t))
	vanished.Swallow()
	u, err := url.Parse(there.Through(pgcluster.URL(t)))
	if err != nil {
		t.Fatal(err)
	}
	other, err := url.Parse(vanished.Through(pgcluster.URL(t)))
	if err != nil {
		t.Fatal(err)
	}
	u.Host = other.Host + "," + u.Host
	s, err := parseURL(u.String())
	if err != nil {
		t.Fatal(err)
	}
	s.meet(t.Context())
	if got, want := s.hosts.inOrder(hostByHost(s.ConnConfig))[0], hostByHost(s.ConnConfig)[1]; got.Port != want.Port {
		t.Errorf("port %d is tried first, want %d", got.Port, want.Port)
	}
}

// messages is a log whose messages a test receives.
type messages chan string

func (m messages) Enabled(context.Context, slog.Level) bool { return true }
func (m messages) WithAttrs([]slog.Attr) slog.Handler       { return m }
func (m messages) WithGroup(string) slog.Handler            { return m }

// Handle passes the message on if the test waits for one.
func (m messages) Handle(_ context.Context, r slog.Record) error {
	select {
	case m <- r.Message:
	default:
	}
	return nil
}

// TestListenerNoticesASwallowedConnection, over which nothing arrives any more, and listens again.
func TestListenerNoticesASwallowedConnection(t *testing.T) {
	t.Parallel()
	proxy := pgproxy.New(t, pgcluster.URL(t))
	server, err := parseURL(proxy.Through(pgcluster.Database(t)))
	if err != nil {
		t.Fatal(err)
	}
	log, listens := make(messages, 1), make(chan string, 10)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- watcher{server: server, log: slog.New(log), silence: 2 * time.Second}.watch(ctx, func(id string) { listens <- id })
	}()
	defer func() { cancel(); <-ended }()
	<-listens
	proxy.Swallow()
	<-log
	proxy.Release()
	<-listens
}

// TestConnectionsFromBeforeAFailoverAreNotUsedAgain: the old primary may still be there.
func TestConnectionsFromBeforeAFailoverAreNotUsedAgain(t *testing.T) {
	t.Parallel()
	e := newEngine(t, config(t))
	db := opened(t, e, made(t, e)).Write
	var sessions [3]int
	for i := range sessions {
		if i == 2 {
			e.server.hosts.failovers.Add(1)
		}
		if err := db.QueryRowContext(t.Context(), "SELECT pg_backend_pid()").Scan(&sessions[i]); err != nil {
			t.Fatal(err)
		}
	}
	if sessions[0] != sessions[1] || sessions[1] == sessions[2] {
		t.Errorf("sessions %v; want the same, and then another", sessions)
	}
}

// TestTransactionOnAServerThatRefusesWrites is unavailable, and the connection isn't used again.
func TestTransactionOnAServerThatRefusesWrites(t *testing.T) {
	t.Parallel()
	e := newEngine(t, config(t))
	db := opened(t, e, made(t, e)).Write
	session := func(readOnly bool) (pid int, err error) {
		tx, err := db.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer tx.Rollback()
		if err := tx.QueryRowContext(t.Context(), "SELECT pg_backend_pid()").Scan(&pid); err != nil {
			t.Fatal(err)
		}
		if readOnly { // as a server is that was made a standby
			if _, err := tx.ExecContext(t.Context(), "SET TRANSACTION READ ONLY"); err != nil {
				t.Fatal(err)
			}
		}
		_, err = tx.ExecContext(t.Context(), "DELETE FROM folders")
		return pid, err
	}
	first, err := session(true)
	if wantError(t, "write", err, tenants.ErrUnavailable); errors.Is(translate(err), tenants.ErrReadOnly) {
		t.Errorf("%v is ErrReadOnly, which belongs to a View", err)
	}
	second, err := session(false)
	if err != nil || first == second {
		t.Errorf("the next one, in session %d after %d: %v", second, first, err)
	}
}
