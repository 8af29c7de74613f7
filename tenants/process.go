package tenants

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/oklog/ulid/v2"
	"gorm.io/gorm"

	"tenantry/tenants/migrate"
)

// DefaultInstanceTTL is the default of Options.InstanceTTL.
const DefaultInstanceTTL = 15 * time.Second

// ErrLapsed means that the process could not renew its heartbeat in the master, so that others may
// count it as dead and work on its tenants. It matches ErrUnavailable.
var ErrLapsed = fmt.Errorf("%w: this process lost touch with the master", ErrUnavailable)

// Process is this process among all that share a master. It has a row in the master, which it renews
// by heartbeats, and a mark that shows others that it is alive. While Living lists it, other
// processes wait until it has drained a tenant before they change the tenant, and take over none of
// its operations. If it can't renew its row and mark, it lapses, long before others count it as dead:
// it grants no leases and cancels its scopes. It is safe for concurrent use.
type Process struct {
	master *Master
	name   string
	ttl    time.Duration // five times the time between two heartbeats
	life   time.Duration // how long others wait for the process after its last heartbeat; at least ttl
	log    *slog.Logger
	lapsed func() // called when the process lapses, and when it leaves
	build  migrate.Versions

	servers atomic.Int64         // the processes that serve tenants, at the last heartbeat
	held    sync.Map             // the held operations, by id
	clock   func() time.Duration // from newUptime
	renewed atomic.Int64         // when the last successful heartbeat began, by clock

	mu    sync.Mutex // protects the fields below
	id    string
	addr  string // Instance.Address
	mark  Mark
	alive context.Context // cancelled when the process lapses
	end   context.CancelCauseFunc
	lapse *time.Timer
}

// join registers this process with the master, and what its build declares about schema versions. lapsed is called, in a
// goroutine, whenever the process lapses.
func join(ctx context.Context, o Options, lapsed func()) (*Process, error) {
	i := &Process{
		master: o.Master, name: processName(), ttl: o.InstanceTTL, life: lifeOf(o.InstanceTTL, o.MasterAway), log: o.Log, lapsed: lapsed,
		build: o.versions(), clock: newUptime(),
	}
	if err := i.register(ctx); err != nil {
		return nil, fmt.Errorf("register with the master: %w", err)
	}
	return i, nil
}

func processName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("%s, process %d", host, os.Getpid())
}

// ID returns the process's instance id in the master. It changes when the process lapses.
func (i *Process) ID() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.id
}

// Context returns a copy of ctx that is also cancelled, with the cause ErrLapsed, when the process
// lapses. The caller must call stop.
func (i *Process) Context(ctx context.Context) (guarded context.Context, stop func()) {
	i.mu.Lock()
	life := i.alive
	i.mu.Unlock()
	guarded, cancel := context.WithCancelCause(ctx)
	unhook := context.AfterFunc(life, func() { cancel(ErrLapsed) })
	return guarded, func() { unhook(); cancel(nil) }
}

// Hold records that this process works on an operation, until Release. It returns false if the
// operation is held already. An operation that has this instance's id in the master and isn't held
// is one that the process could not release there.
func (i *Process) Hold(operationID string) bool {
	_, held := i.held.LoadOrStore(operationID, nil)
	return !held
}

// Release undoes Hold. Releasing an operation that isn't held does nothing.
func (i *Process) Release(operationID string) { i.held.Delete(operationID) }

// Held returns the ids of the held operations.
func (i *Process) Held() (ids []string) {
	i.held.Range(func(id, _ any) bool { ids = append(ids, id.(string)); return true })
	return ids
}

// check returns ErrLapsed if the last heartbeat is too long ago. It reads the clock, because the
// timers of a process that was stopped or asleep fire only some time after it runs again.
func (i *Process) check() error {
	if i.clock()-time.Duration(i.renewed.Load()) > i.patience() {
		return ErrLapsed
	}
	return nil
}

// lifeOf returns the TTL that a process announces to others. It serves for three quarters of it after a heartbeat, so
// that it serves for as long as the master may be away.
func lifeOf(ttl, away time.Duration) time.Duration { return max(ttl, away+away/3) }

// patience is how long the process serves after a heartbeat. It may do so without asking the master, also if only
// this process can't reach it: all that could take a tenant away is an operation, which waits until this process has
// drained the tenant, or is counted as dead. Living does that no earlier than life and commitMargin after a heartbeat
// that came later than the beginning of the last successful one, from which patience counts.
func (i *Process) patience() time.Duration { return i.life * 3 / 4 }

// isAway reports whether the master didn't answer the last heartbeats.
func (i *Process) isAway() bool { return i.clock()-time.Duration(i.renewed.Load()) > i.ttl*3/5 }

// register gives the process a new id, row, mark and life. Operations begun under the old id are no
// longer its own.
func (i *Process) register(ctx context.Context) error {
	began, id := i.clock(), strings.ToLower(ulid.Make().String())
	mark, err := i.master.presence.Enter(ctx, id)
	if err != nil {
		return err
	}
	if err := i.replaceRow(ctx, id); err != nil {
		return errors.Join(err, mark.Release())
	}
	i.releaseMark() // the old row is gone
	i.begin(id, mark, began)
	return nil
}

// replaceRow creates the row with that id and deletes the old one.
func (i *Process) replaceRow(ctx context.Context, id string) error {
	old := i.ID()
	return i.master.Update(ctx, func(tx *gorm.DB) error {
		now, err := i.master.Now(tx)
		if err != nil {
			return err
		}
		row := Instance{
			ID: id, Name: i.name, StartedAt: now, ExpiresAt: now.Add(i.life), TTL: i.life, SchemaVersion: i.build.Newest, Address: i.address(), Origin: ownOrigin(),
		}
		if err := errors.Join(recordVersions(tx, i.build), tx.Create(&row).Error); err != nil {
			return err
		}
		return tx.Delete(&Instance{}, "id = ?", old).Error
	})
}

// releaseMark gives up the mark, if there is one.
func (i *Process) releaseMark() {
	i.mu.Lock()
	mark := i.mark
	i.mark = nil
	i.mu.Unlock()
	if mark == nil {
		return
	}
	if err := mark.Release(); err != nil {
		i.log.Warn("give up the mark of this process", "error", err)
	}
}

func (i *Process) begin(id string, mark Mark, began time.Duration) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.id, i.mark = id, mark
	i.alive, i.end = context.WithCancelCause(context.Background())
	context.AfterFunc(i.alive, i.lapsed)
	i.extend(began)
}

// extend records a heartbeat that began at that time. The caller holds i.mu.
func (i *Process) extend(began time.Duration) {
	i.renewed.Store(int64(began))
	if i.lapse != nil {
		i.lapse.Stop()
	}
	end := i.end
	i.lapse = time.AfterFunc(i.patience()-(i.clock()-began), func() { end(ErrLapsed) })
}

// keep sends heartbeats until ctx ends. After each one it calls renewed, whose argument says whether
// the process had lapsed and registered again.
func (i *Process) keep(ctx context.Context, renewed func(anew bool)) {
	ticker := time.NewTicker(i.ttl / 5)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		anew, err := i.renew(ctx)
		switch {
		case err == nil:
			renewed(anew)
		case ctx.Err() == nil:
			i.log.WarnContext(ctx, "heartbeat in the master", "error", err)
		}
	}
}

// errStillHeld means that operations of a lapsed process have not all ended yet.
var errStillHeld = errors.New("operations of this process are still ending")

// renew sends a heartbeat. If it comes too late, or the row or the mark is gone, renew registers the
// process again as soon as no operation is held; others take over the operations of the old id.
func (i *Process) renew(ctx context.Context) (anew bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, i.ttl/4)
	defer cancel()
	if i.check() == nil {
		going, err := i.beat(ctx)
		if err != nil || going {
			return false, err
		}
	}
	i.mu.Lock()
	i.end(ErrLapsed)
	i.mu.Unlock()
	if len(i.Held()) > 0 {
		return false, errStillHeld
	}
	return true, i.register(ctx)
}

// beat renews the mark and the row. It returns false if one of them is gone.
func (i *Process) beat(ctx context.Context) (going bool, err error) {
	began := i.clock()
	i.mu.Lock()
	mark := i.mark
	i.mu.Unlock()
	if err := mark.Renew(ctx); errors.Is(err, ErrMarkLost) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	there, err := i.touch(ctx)
	return there && i.extendIfAlive(began), err
}

// extendIfAlive extends the process's life unless it has lapsed.
func (i *Process) extendIfAlive(began time.Duration) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.alive.Err() != nil {
		return false
	}
	i.extend(began)
	return true
}

// touch extends the row's life, and reports whether the row exists.
func (i *Process) touch(ctx context.Context) (alive bool, err error) {
	id := i.ID()
	err = i.master.Update(ctx, func(tx *gorm.DB) error {
		now, err := i.master.Now(tx)
		if err != nil {
			return err
		}
		result := tx.Model(&Instance{ID: id}).Update("expires_at", now.Add(i.life))
		alive = result.RowsAffected == 1
		if result.Error != nil {
			return result.Error
		}
		return i.countServers(tx)
	})
	return alive, err
}

// leave removes the process from the master, so that nobody waits for it.
func (i *Process) leave(ctx context.Context) error {
	i.mu.Lock()
	id := i.id
	i.lapse.Stop()
	i.end(ErrClosed)
	i.mu.Unlock()
	err := i.master.Update(ctx, func(tx *gorm.DB) error { return tx.Delete(&Instance{}, "id = ?", id).Error })
	i.releaseMark()
	return err
}
