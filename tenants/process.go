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
)

// DefaultInstanceTTL is how long a process goes without a heartbeat at most,
// unless Options say otherwise.
const DefaultInstanceTTL = 15 * time.Second

// ErrLapsed: the process could not renew its heartbeat in the master, so that
// others may take it for dead and do things to its tenants. It matches
// ErrUnavailable.
var ErrLapsed = fmt.Errorf("%w: this process lost touch with the master", ErrUnavailable)

// Process is this process among all that have the same master. It has a row
// there, which it renews, and a mark that shows others that it lives. As long as
// Living lists it, other processes wait until it has drained a tenant before they
// change it, and take over none of its operations. When it can't renew the row
// and the mark it lapses by itself, long before others count it dead: it grants
// no leases, and ends its scopes. It is safe for concurrent use.
type Process struct {
	master *Master
	name   string
	ttl    time.Duration
	log    *slog.Logger
	lapsed func() // called when the instance lapses, and when it leaves

	atWork  sync.Map             // the operations that Hold was called for, by id
	clock   func() time.Duration // from newUptime
	renewed atomic.Int64         // when the last successful renewal began, by clock

	mu    sync.Mutex // guards what follows
	id    string
	mark  Mark
	life  context.Context // ends when the instance lapses
	end   context.CancelCauseFunc
	lapse *time.Timer
}

// join registers this process. lapsed is called, in a goroutine, whenever it
// lapses.
func join(ctx context.Context, master *Master, ttl time.Duration, log *slog.Logger, lapsed func()) (*Process, error) {
	i := &Process{master: master, name: processName(), ttl: ttl, log: log, lapsed: lapsed, clock: newUptime()}
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

// ID is what the instance is called in the master: another one after it lapsed.
func (i *Process) ID() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.id
}

// Context is a copy of ctx that also ends, with ErrLapsed as its cause, when
// the instance lapses. The caller calls stop.
func (i *Process) Context(ctx context.Context) (guarded context.Context, stop func()) {
	i.mu.Lock()
	life := i.life
	i.mu.Unlock()
	guarded, cancel := context.WithCancelCause(ctx)
	unhook := context.AfterFunc(life, func() { cancel(ErrLapsed) })
	return guarded, func() { unhook(); cancel(nil) }
}

// Hold notes that this process is at an operation, until Release. It returns
// false when it is at it already. An operation that bears the instance's id in
// the master and isn't held is one of which the process could not let go there.
func (i *Process) Hold(operationID string) bool {
	_, held := i.atWork.LoadOrStore(operationID, nil)
	return !held
}

// Release undoes Hold. It may be called for an operation that isn't held.
func (i *Process) Release(operationID string) { i.atWork.Delete(operationID) }

// Held are the operations that this process is at, by id.
func (i *Process) Held() (ids []string) {
	i.atWork.Range(func(id, _ any) bool { ids = append(ids, id.(string)); return true })
	return ids
}

// check returns ErrLapsed when the last renewal is too long ago. It looks at
// the clock, since a process that was stopped, or slept, runs on before its
// timers do.
func (i *Process) check() error {
	if i.clock()-time.Duration(i.renewed.Load()) > i.patience() {
		return ErrLapsed
	}
	return nil
}

// patience is how long the instance serves after a renewal.
func (i *Process) patience() time.Duration { return i.ttl * 3 / 4 }

// register gives the instance a new row, mark and life. What it had begun under
// the old one is no longer its own.
func (i *Process) register(ctx context.Context) error {
	began, id := i.clock(), strings.ToLower(ulid.Make().String())
	mark, err := i.master.presence.Enter(ctx, id)
	if err != nil {
		return err
	}
	if err := i.replaceRow(ctx, id); err != nil {
		return errors.Join(err, mark.Release())
	}
	i.releaseMark() // its row is gone
	i.begin(id, mark, began)
	return nil
}

// replaceRow writes the row of that id, and deletes the one until now.
func (i *Process) replaceRow(ctx context.Context, id string) error {
	old := i.ID()
	return i.master.Update(ctx, func(tx *gorm.DB) error {
		now, err := i.master.Now(tx)
		if err != nil {
			return err
		}
		row := Instance{ID: id, Name: i.name, StartedAt: now, ExpiresAt: now.Add(i.ttl), TTL: i.ttl}
		if err := tx.Create(&row).Error; err != nil {
			return err
		}
		return tx.Delete(&Instance{}, "id = ?", old).Error
	})
}

// releaseMark gives the mark up, if there is one.
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
	i.life, i.end = context.WithCancelCause(context.Background())
	context.AfterFunc(i.life, i.lapsed)
	i.extend(began)
}

// extend counts a renewal that began at that time. The lock is held.
func (i *Process) extend(began time.Duration) {
	i.renewed.Store(int64(began))
	if i.lapse != nil {
		i.lapse.Stop()
	}
	end := i.end
	i.lapse = time.AfterFunc(i.patience()-(i.clock()-began), func() { end(ErrLapsed) })
}

// keep renews the row until ctx ends. After each renewal it calls renewed,
// which is told whether the instance had lapsed and began anew.
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

// errAtWork: the operations of a lapsed instance have not all ended yet.
var errAtWork = errors.New("operations of this process are still ending")

// renew is a heartbeat. One that comes too late, or finds the row or the mark
// gone, begins anew, once the operations that it was at have ended: others will
// take them over.
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
		return false, errAtWork
	}
	return true, i.register(ctx)
}

// beat renews the mark and the row. It returns false where one of them is gone.
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
	return there && i.goOn(began), err
}

// goOn extends the instance's life unless it has ended.
func (i *Process) goOn(began time.Duration) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.life.Err() != nil {
		return false
	}
	i.extend(began)
	return true
}

// touch extends the row's life, and tells whether it is still there.
func (i *Process) touch(ctx context.Context) (alive bool, err error) {
	id := i.ID()
	err = i.master.Update(ctx, func(tx *gorm.DB) error {
		now, err := i.master.Now(tx)
		if err != nil {
			return err
		}
		result := tx.Model(&Instance{ID: id}).Update("expires_at", now.Add(i.ttl))
		alive = result.RowsAffected == 1
		return result.Error
	})
	return alive, err
}

// leave takes the instance out, so that nobody waits for it.
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
