package tenants

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"
)

// Measured is an Engine that can measure databases and the free space on its server.
type Measured interface {
	// SizeSQL returns a query for the size, in bytes, of the database in which it runs. Space inside
	// the database that new rows can use doesn't count, if the engine knows it.
	SizeSQL() string

	// Free returns the free and the total bytes of the server's disk. Both are 0 if unknown.
	Free() (free, total int64, err error)
}

// AutoFree as Options.MinFree means 1 GiB or a twentieth of the disk, whichever is less.
const AutoFree = -1

type reserveKey struct{}

// WithReserve returns a context whose scopes may use the last reserve of space where others get
// ErrFull: scopes that delete, and scopes that let people sign in to do so. Such scopes must add only
// a bounded amount of data.
func WithReserve(ctx context.Context) context.Context {
	return context.WithValue(ctx, reserveKey{}, true)
}

func hasReserve(ctx context.Context) bool { return ctx.Value(reserveKey{}) == true }

// quota decides whether a tenant may write. It is safe for concurrent use.
type quota struct {
	tenant   *Tenant
	conns    *Conns
	measured Measured
	disk     *disk
	log      *slog.Logger

	size atomic.Int64 // at the last measurement, in bytes
	most atomic.Int64 // the limit at the last check
	next atomic.Int64 // time of the next measurement, in Unix nanoseconds
}

// check returns ErrTenantFull if the tenant's database is larger than most bytes, or ErrFull if its server's disk is
// full. If most is 0, the size is not limited.
func (q *quota) check(ctx context.Context, most int64) error {
	if q == nil {
		return nil
	}
	reserve := hasReserve(ctx)
	if err := q.disk.check(reserve); err != nil || most == 0 {
		return err
	}
	if q.most.Swap(most) != most {
		q.next.Store(0) // the last measurement was to be valid until the size could have reached the former limit
	}
	q.measure(ctx, most)
	size := q.size.Load()
	switch {
	case size <= most:
		return nil
	case reserve:
		q.next.Store(0) // measure again, so that others may write as soon as there is room
		return nil
	}
	return fmt.Errorf("%w: the database takes %d bytes of at most %d", ErrTenantFull, size, most)
}

// fullDisk is the number of free bytes up to which a disk counts as full.
const fullDisk = 16 << 20

// explain turns ErrFull into ErrTenantFull if the disk has room. SQLite returns the same error for a
// file that reached its size limit and for a full disk.
func (q *quota) explain(err error, most int64) error {
	if q == nil || most == 0 || !errors.Is(err, ErrFull) || errors.Is(err, ErrTenantFull) {
		return err
	}
	free, total, unknown := q.measured.Free()
	if unknown != nil || total == 0 || free <= fullDisk {
		return err
	}
	return fmt.Errorf("%w: %w", ErrTenantFull, err)
}

// maxWriteRate is the highest rate, in bytes per second, at which a tenant is assumed to write. A
// measurement is valid for minSizeTTL to maxSizeTTL.
const (
	maxWriteRate           = 64 << 20
	minSizeTTL, maxSizeTTL = time.Second, time.Minute
)

// measure measures the database, unless it can't have reached most bytes since the last measurement.
func (q *quota) measure(ctx context.Context, most int64) {
	now, next := time.Now(), q.next.Load()
	if now.UnixNano() < next || !q.next.CompareAndSwap(next, now.Add(minSizeTTL).UnixNano()) {
		return
	}
	size, err := q.sizeOf(ctx)
	if err != nil {
		if ctx.Err() == nil {
			q.log.WarnContext(ctx, "measure database", "tenant", q.tenant.Subdomain, "error", err)
		}
		return
	}
	q.size.Store(size)
	stay := time.Duration(max(0, most-size)) * time.Second / maxWriteRate
	q.next.Store(now.Add(min(max(stay, minSizeTTL), maxSizeTTL)).UnixNano())
}

// sizeOf returns the size of the tenant's database, in bytes.
func (q *quota) sizeOf(ctx context.Context) (size int64, err error) {
	tx, err := q.conns.Read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true}) // in a shared database nothing runs without one
	if err != nil {
		return 0, err
	}
	defer tx.Rollback() // nothing to undo
	err = tx.QueryRowContext(ctx, q.measured.SizeSQL()).Scan(&size)
	return size, err
}

// disk watches the free space on a server's disk. It is safe for concurrent use.
type disk struct {
	measured Measured
	least    int64 // free bytes below which nothing is written; may be AutoFree; 0 for no limit
	log      *slog.Logger

	next  atomic.Int64 // time of the next measurement, in Unix nanoseconds
	free  atomic.Int64 // free bytes at the last measurement
	total atomic.Int64 // 0 if unknown
}

// check returns ErrFull if the disk has less free space than required. Scopes with a reserve need
// half of it.
func (d *disk) check(reserve bool) error {
	if d.least == 0 {
		return nil
	}
	d.measure()
	return checkFree(d.least, d.free.Load(), d.total.Load(), reserve)
}

// checkFree returns ErrFull if a disk has less free space than required.
func checkFree(least, free, total int64, reserve bool) error {
	least = keptFree(least, total)
	if reserve {
		least /= 2
	}
	if total > 0 && free < least {
		return fmt.Errorf("%w: the disk has %d bytes left, and %d are kept free", ErrFull, free, least)
	}
	return nil
}

// CheckFree returns ErrFull if less than least bytes are free on a disk, which measure returns as Measured's Free does. least
// may be AutoFree. A disk that can't be measured has room.
func CheckFree(least int64, measure func() (free, total int64, err error)) error {
	free, total, err := measure()
	if err != nil {
		return nil
	}
	return checkFree(least, free, total, false)
}

// keptFree returns how many bytes of a disk are kept free. least may be AutoFree.
func keptFree(least, total int64) int64 {
	if least == AutoFree {
		return min(1<<30, total/20)
	}
	return least
}

// CheckRoom returns a *RoomError if the server's disk has no room for another database of the size, in bytes. It returns nil if
// it can't know, as for Postgres, whose disk isn't measured.
func (s *Store) CheckRoom(server string, size int64) error {
	engine := s.servers.known(server)
	if engine == nil || engine.disk == nil {
		return nil
	}
	free, total, err := engine.disk.measured.Free()
	kept := keptFree(engine.disk.least, total)
	if err != nil || total == 0 || free-size >= kept {
		return err
	}
	return &RoomError{"the disk of server " + server, size, free, kept}
}

// measure measures the disk, at most once a second.
func (d *disk) measure() {
	now, next := time.Now(), d.next.Load()
	if now.UnixNano() < next || !d.next.CompareAndSwap(next, now.Add(time.Second).UnixNano()) {
		return
	}
	free, total, err := d.measured.Free()
	if err != nil {
		d.log.Warn("measure the free space of a disk", "error", err)
		free, total = 0, 0
	}
	d.free.Store(free)
	d.total.Store(total)
}

// quotaOf returns the quota of a tenant whose handle is being opened, or nil if the engine can't measure databases.
func (s *Store) quotaOf(t *Tenant, engine *openEngine, conns *Conns) *quota {
	measured, ok := engine.Engine.(Measured)
	if !ok {
		return nil
	}
	return &quota{tenant: t, conns: conns, measured: measured, disk: engine.disk, log: s.log}
}
