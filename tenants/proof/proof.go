// Package proof restores tenants' newest backups now and then, checks them and throws them away: a backup is one only once
// a restore of it has been tried.
//
//	proof.go     tries one tenant
//	round.go     tries some tenants every night
//	standing.go  says whose backups are not proven
package proof

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"tenantry/tenants"
	"tenantry/tenants/backup"
	"tenantry/tenants/bucket"
	"tenantry/tenants/lifecycle"
)

// Options configure Proofs. All fields but Log are required.
type Options struct {
	// Store has the tenants.
	Store *tenants.Store
	// Verify restores a tenant's newest backup to scratch, checks it and removes it.
	Verify func(ctx context.Context, t *tenants.Tenant) (backup.Restored, error)
	// Record records what came of it in the master. It is lifecycle.Manager's RecordProof.
	Record func(ctx context.Context, by lifecycle.Operator, t *tenants.Tenant, r lifecycle.Tried) error
	// IsBackedUp reports whether the tenants on a server are backed up.
	IsBackedUp func(server string) bool
	// Interval is the time between rounds; 0 for none. Age is how old a tenant's newest proof may be; 0 for any age.
	Interval, Age time.Duration
	// Log gets failures. Defaults to slog.Default().
	Log *slog.Logger
}

// Proofs tries backups. It is safe for concurrent use.
type Proofs struct{ o Options }

// New returns Proofs, which try nothing until Run or Try is called.
func New(o Options) *Proofs {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return &Proofs{o}
}

// Age is how old a tenant's newest proof may be; 0 for any age.
func (p *Proofs) Age() time.Duration { return p.o.Age }

// Result is what came of a try.
type Result struct {
	backup.Restored
	// Took is how long restoring and checking took.
	Took time.Duration
}

// ErrUntried means that it isn't known whether a tenant's backup can be restored: its storage can't be reached, there is
// no room for what is restored, or the tenant is so new that it has no backup yet.
var ErrUntried = errors.New("the backup could not be tried")

// Try restores the tenant's newest backup, checks it, throws it away, and records what came of it. The error says why
// the backup can't be relied on. An error that wraps ErrUntried is not recorded.
func (p *Proofs) Try(ctx context.Context, by lifecycle.Operator, t *tenants.Tenant) (r Result, err error) {
	begun := time.Now()
	r.Restored, err = p.o.Verify(ctx, t)
	r.Took = time.Since(begun)
	switch {
	case ctx.Err() != nil:
		return r, fmt.Errorf("%w: %w", ErrUntried, context.Cause(ctx))
	case saysNothing(err), errors.Is(err, backup.ErrNoBackup) && time.Since(t.CreatedAt) < young:
		return r, fmt.Errorf("%w: %w", ErrUntried, err)
	}
	return r, errors.Join(err, p.o.Record(ctx, by, t, lifecycle.Tried{At: r.At, Size: r.Size, Took: r.Took, Err: err}))
}

// young is the age up to which a tenant may be without a backup, because the first is still to be made.
const young = 2 * time.Hour

// saysNothing reports whether an error says nothing about a backup.
func saysNothing(err error) bool {
	for _, other := range []error{bucket.ErrUnavailable, backup.ErrScratch, backup.ErrOtherEngine, tenants.ErrFull} {
		if errors.Is(err, other) {
			return true
		}
	}
	return false
}
