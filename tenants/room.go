package tenants

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"
)

// Measured is an Engine that can tell how much room there is.
type Measured interface {
	// SizeSQL is a query for the bytes that the database takes in which it is run.
	// What is free for rows in it again doesn't count, where that is known.
	SizeSQL() string

	// Free is how many bytes the server's disk has left, and has in all; both are
	// 0 where that isn't known.
	Free() (free, total int64, err error)
}

// AutoFree as Options.MinFree is 1 GiB or a twentieth of the disk, whichever is less.
const AutoFree = -1

type reserveKey struct{}

// WithReserve has scopes that are begun with the context write a little where
// others are ErrFull: those that delete, and those that let people in to do so.
// Such scopes must not add what isn't bounded otherwise.
func WithReserve(ctx context.Context) context.Context {
	return context.WithValue(ctx, reserveKey{}, true)
}

func hasReserve(ctx context.Context) bool { return ctx.Value(reserveKey{}) == true }

// room tells whether a tenant may write. It is safe for concurrent use.
type room struct {
	tenant   *Tenant
	conns    *Conns
	measured Measured
	most     int64 // what the tenant's database may take; 0 for any
	disk     *disk
	log      *slog.Logger

	size atomic.Int64 // when it was last measured
	next atomic.Int64 // when to measure again, in nanoseconds
}

// check returns ErrTenantFull when the tenant's database is full, or ErrFull
// when its server's disk is.
func (r *room) check(ctx context.Context) error {
	if r == nil {
		return nil
	}
	reserve := hasReserve(ctx)
	if err := r.disk.check(reserve); err != nil || r.most == 0 {
		return err
	}
	r.measure(ctx)
	size := r.size.Load()
	switch {
	case size <= r.most:
		return nil
	case reserve:
		r.next.Store(0) // others may write as soon as there is room again
		return nil
	}
	return fmt.Errorf("%w: the database takes %d bytes of at most %d", ErrTenantFull, size, r.most)
}

// fullDisk is how many free bytes a disk has at most that is called full.
const fullDisk = 16 << 20

// explain makes ErrFull ErrTenantFull where the disk has room: SQLite says the
// same of a file that reached its bound and of a full disk.
func (r *room) explain(err error) error {
	if r == nil || r.most == 0 || !errors.Is(err, ErrFull) || errors.Is(err, ErrTenantFull) {
		return err
	}
	free, total, unknown := r.measured.Free()
	if unknown != nil || total == 0 || free <= fullDisk {
		return err
	}
	return fmt.Errorf("%w: %w", ErrTenantFull, err)
}

// What a tenant is reckoned to write in a second at most, and how long a
// measurement lasts.
const (
	fastestWriter             = 64 << 20
	shortestStay, longestStay = time.Second, time.Minute
)

// measure measures the database, unless it can't have grown to its limit since
// that was done.
func (r *room) measure(ctx context.Context) {
	now, next := time.Now(), r.next.Load()
	if now.UnixNano() < next || !r.next.CompareAndSwap(next, now.Add(shortestStay).UnixNano()) {
		return
	}
	var size int64
	if err := r.conns.Read.QueryRowContext(ctx, r.measured.SizeSQL()).Scan(&size); err != nil {
		if ctx.Err() == nil {
			r.log.WarnContext(ctx, "measure database", "tenant", r.tenant.Subdomain, "error", err)
		}
		return
	}
	r.size.Store(size)
	stay := time.Duration(max(0, r.most-size)) * time.Second / fastestWriter
	r.next.Store(now.Add(min(max(stay, shortestStay), longestStay)).UnixNano())
}

// disk watches how much a server's disk has left. It is safe for concurrent use.
type disk struct {
	measured Measured
	least    int64 // free bytes under which nothing is written; AutoFree, or 0 for any
	log      *slog.Logger

	next  atomic.Int64 // when to look again, in nanoseconds
	free  atomic.Int64 // when it was last looked at; 0 in total for not known
	total atomic.Int64
}

// check returns ErrFull when less is left than must be; of that, the reserve
// is half.
func (d *disk) check(reserve bool) error {
	if d.least == 0 {
		return nil
	}
	d.look()
	total := d.total.Load()
	least := d.least
	if least == AutoFree {
		least = min(1<<30, total/20)
	}
	if reserve {
		least /= 2
	}
	if free := d.free.Load(); total > 0 && free < least {
		return fmt.Errorf("%w: the disk has %d bytes left, and %d are kept free", ErrFull, free, least)
	}
	return nil
}

// look looks at the disk at most once a second.
func (d *disk) look() {
	now, next := time.Now(), d.next.Load()
	if now.UnixNano() < next || !d.next.CompareAndSwap(next, now.Add(time.Second).UnixNano()) {
		return
	}
	free, total, err := d.measured.Free()
	if err != nil {
		d.log.Warn("look at the free space of a disk", "error", err)
		free, total = 0, 0
	}
	d.free.Store(free)
	d.total.Store(total)
}

// roomOf is the room of a tenant whose handle is opened, nil when nothing
// bounds it.
func (s *Store) roomOf(t *Tenant, engine Engine, conns *Conns) *room {
	measured, ok := engine.(Measured)
	if !ok {
		return nil
	}
	return &room{tenant: t, conns: conns, measured: measured, most: s.maxSize, disk: s.disks[t.Server], log: s.log}
}

// watchDisks makes the disks of all servers.
func watchDisks(o Options) map[string]*disk {
	disks := map[string]*disk{}
	for name, engine := range o.Servers {
		if measured, ok := engine.(Measured); ok {
			disks[name] = &disk{measured: measured, least: o.MinFree, log: o.Log}
		}
	}
	return disks
}
