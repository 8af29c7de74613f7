package postgres

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"time"

	"github.com/jackc/pgx/v5"
	"gorm.io/gorm"

	"tenantry/tenants"
)

// presence holds an advisory lock in the master's database for each instance, over a connection of its
// own. The server releases the lock when the session ends: when the process ends or loses its connection,
// but not while it is stopped.
type presence struct{ server *server }

var _ tenants.Presence = presence{}

// lockKey returns the key of an instance's lock.
func lockKey(id string) int64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte("tenantry instance " + id)) // never returns an error
	return int64(h.Sum64())
}

// Enter connects and takes the instance's lock.
func (p presence) Enter(ctx context.Context, id string) (tenants.Mark, error) {
	m := &sessionMark{server: p.server, key: lockKey(id)}
	if err := m.lock(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("lock of this process: %w", unavailable(err)), m.Release())
	}
	return m, nil
}

// holdsSQL asks whether a session holds the lock with a key.
const holdsSQL = `SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1
	AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
	AND ((classid::bigint << 32) | objid::bigint) = ?)`

// Standing checks whether a session holds the instance's lock.
func (presence) Standing(tx *gorm.DB, id string) (tenants.Standing, error) {
	var held bool
	if err := tx.Raw(holdsSQL, lockKey(id)).Scan(&held).Error; err != nil {
		return tenants.Silent, err
	}
	if held {
		return tenants.Alive, nil
	}
	return tenants.Silent, nil
}

// Sweep does nothing: locks end with their sessions.
func (presence) Sweep([]string) error { return nil }

// sessionMark is a session with a lock. It is not safe for concurrent use.
type sessionMark struct {
	server *server
	key    int64
	conn   *pgx.Conn // nil if it was lost

	failovers int64 // of the hosts when conn was dialled
}

// keepAlive makes the server end the session of a machine that has disappeared after about 15 seconds
// without a sign of it, instead of after hours. Servers that don't support it refuse it without harm.
const keepAlive = "SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 2"

// lock connects and takes the lock. It waits if an earlier session that is ending still holds it.
func (m *sessionMark) lock(ctx context.Context) error {
	m.failovers = m.server.hosts.failovers.Load()
	conn, err := watcher{server: m.server}.connect(ctx)
	if err != nil {
		return err
	}
	m.conn = conn
	_, _ = conn.PgConn().Exec(ctx, keepAlive).ReadAll()
	for {
		var taken bool
		if err := conn.QueryRow(ctx, "SELECT pg_catalog.pg_try_advisory_lock($1)", m.key).Scan(&taken); err != nil {
			return err
		}
		if taken {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(firstPause):
		}
	}
}

// Renew pings the session. If the session is lost, Renew connects and locks again. It never returns
// ErrMarkLost, because others count the process as dead only after a longer time than it works without a
// renewal.
func (m *sessionMark) Renew(ctx context.Context) error {
	if m.conn != nil && m.failovers == m.server.hosts.failovers.Load() && m.conn.Ping(ctx) == nil {
		return nil
	}
	_ = m.Release()
	if err := m.lock(ctx); err != nil {
		_ = m.Release()
		return fmt.Errorf("lock of this process: %w", unavailable(err))
	}
	return nil
}

// Release ends the session.
func (m *sessionMark) Release() error {
	if m.conn == nil {
		return nil
	}
	conn := m.conn
	m.conn = nil
	ctx, cancel := context.WithTimeout(context.Background(), lingerTime)
	defer cancel()
	return conn.Close(ctx)
}
