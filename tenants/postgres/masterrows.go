package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"tenantry/tenants"
	"tenantry/tenants/migrate"
)

// masterRows reads the master over connections of its pool.
type masterRows struct{ db *sql.DB }

var _ tenants.MasterExporter = masterRows{}

// Rows reads in a REPEATABLE READ transaction.
func (m masterRows) Rows(ctx context.Context) (tenants.RowReader, error) {
	s, err := borrowSession(ctx, m.db, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return nil, fmt.Errorf("read the master: %w", unavailable(err))
	}
	r, err := streamRows(ctx, s, tenants.MasterSchema(), func() {})
	if err != nil {
		s.close()
		return nil, fmt.Errorf("read the master: %w", unavailable(err))
	}
	return r, nil
}

// masterSignQuery is signsQuery for the tables of one database.
const masterSignQuery = `SELECT CASE current_setting('track_counts') WHEN 'on' THEN concat_ws(' ', d.datid, extract(epoch FROM d.stats_reset),
		extract(epoch FROM w.stats_reset), (SELECT string_agg(concat_ws(' ', relid, n_tup_ins, n_tup_upd, n_tup_del), ',' ORDER BY relid)
			FROM pg_stat_user_tables WHERE schemaname = 'public' AND relname <> ALL ($1::text[]))) ELSE '' END
	FROM pg_stat_database d, pg_stat_bgwriter w WHERE d.datname = current_database()`

// Sign reads the statistics of the master's tables. Without track_counts it differs each time.
func (m masterRows) Sign(ctx context.Context, except []string) (sign string, err error) {
	if err := m.db.QueryRowContext(ctx, masterSignQuery, except).Scan(&sign); err != nil {
		return "", fmt.Errorf("read whether the master was written: %w", unavailable(err))
	}
	if sign == "" {
		sign = "at " + time.Now().Format(time.RFC3339Nano)
	}
	return sign, nil
}

// Errors of LoadMaster, for errors.Is.
var (
	// ErrMasterThere means that there is a master already.
	ErrMasterThere = errors.New("there is a master")
	// ErrMasterUsed means that processes use the master.
	ErrMasterUsed = errors.New("a process uses the database, or has died in the last seconds; stop it, and try again in half a minute")
)

// LoadMaster makes the master at a schema version, with the rows that fill writes, in a database without a master or with one
// that has never had a tenant. It is atomic: what an interruption leaves is such a master. Returns ErrMasterThere,
// ErrMasterUsed, ErrUnavailable if the server is down, or fill's error.
func LoadMaster(ctx context.Context, c MasterConfig, version int64, fill func(ctx context.Context, into tenants.RowWriter) error) (err error) {
	server, err := parseURL(c.URL)
	if err != nil {
		return err
	}
	server.meet(ctx)
	db := openMasterPool(server)
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := loadMaster(ctx, db, version, fill); err != nil {
		return fmt.Errorf("master database %s: %w", server.Database, unavailable(err))
	}
	return nil
}

// HasMaster reports whether LoadMaster would return ErrMasterThere.
func HasMaster(ctx context.Context, c MasterConfig) (has bool, err error) {
	server, err := parseURL(c.URL)
	if err != nil {
		return false, err
	}
	server.meet(ctx)
	db := openMasterPool(server)
	defer func() { err = errors.Join(err, db.Close()) }()
	if err = checkMaster(ctx, db); err == nil {
		err = expectUnused(ctx, db)
	}
	if errors.Is(err, ErrMasterThere) {
		return true, nil
	}
	if err != nil {
		err = fmt.Errorf("master database %s: %w", server.Database, unavailable(err))
	}
	return false, err
}

// queryer is a pool or a transaction.
type queryer interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// expectUnused returns ErrMasterThere if the database has a master that has, or had, tenants.
func expectUnused(ctx context.Context, db queryer) error {
	var made, used bool
	err := db.QueryRowContext(ctx, "SELECT count(*) = 2 FROM pg_tables WHERE schemaname = 'public' AND tablename IN ('tenants', 'operations')").Scan(&made)
	if err == nil && made {
		err = db.QueryRowContext(ctx, "SELECT EXISTS (SELECT FROM public.tenants) OR EXISTS (SELECT FROM public.operations)").Scan(&used)
	}
	if err == nil && used {
		err = ErrMasterThere
	}
	return err
}

func loadMaster(ctx context.Context, db *sql.DB, version int64, fill func(ctx context.Context, into tenants.RowWriter) error) error {
	if err := checkMaster(ctx, db); err != nil {
		return err
	}
	if err := expectUnused(ctx, db); err != nil {
		return err
	}
	if _, err := migrate.Up(ctx, db, Dialect, migrate.UpTo(tenants.MasterSchema().Migrations[Dialect], version)); err != nil {
		return err
	}
	s, err := borrowSession(ctx, db, &sql.TxOptions{})
	if err != nil {
		return err
	}
	defer s.close()
	if err := lockUnused(ctx, s.tx); err != nil {
		return err
	}
	w, err := streamRows(ctx, s, tenants.MasterSchema(), func() {})
	if err != nil {
		return err
	}
	return w.replaceRows(ctx, fill)
}

// lockUnused keeps other processes from writing an unused master until the transaction ends.
func lockUnused(ctx context.Context, tx *sql.Tx) error {
	if _, err := tx.ExecContext(ctx, "LOCK TABLE public.tenants, public.operations, public.instances IN ACCESS EXCLUSIVE MODE"); err != nil {
		return err
	}
	var used bool
	if err := tx.QueryRowContext(ctx, "SELECT EXISTS (SELECT FROM public.instances WHERE expires_at > clock_timestamp())").Scan(&used); err != nil {
		return err
	}
	if used {
		return ErrMasterUsed
	}
	return expectUnused(ctx, tx)
}
