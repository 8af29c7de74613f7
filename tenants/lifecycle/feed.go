package lifecycle

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"
	"gorm.io/gorm"

	"tenantry/tenants"
)

// ErrTooManyFollowers means that as many follow the ledger as may.
var ErrTooManyFollowers = errors.New("too many follow the ledger")

const (
	// maxFollowers is how many may follow one Feed.
	maxFollowers = 32
	// maxBehind is how many readings of the ledger wait for a follower. A follower that falls further behind is dropped.
	maxBehind = 16
	// feedOverlap is how far back each reading of the ledger begins, for operations that were recorded late or whose ids
	// were made by a clock that is behind.
	feedOverlap = time.Minute
	// feedChunk is how many changed operations are read at once.
	feedChunk = 500
)

// Feed tells its followers of changes in the ledger. While there are any, one reading of the ledger at each tick serves all
// of them; without followers the ledger isn't read. It is safe for concurrent use.
type Feed struct {
	manager *Manager
	tick    time.Duration

	mu        sync.Mutex
	followers map[chan []tenants.Operation]struct{}
	stop      context.CancelFunc // ends the reading; it is nil while there are no followers
}

// NewFeed returns a Feed that reads the ledger at each tick. A tick of 0 is one second.
func (m *Manager) NewFeed(tick time.Duration) *Feed {
	return &Feed{manager: m, tick: cmp.Or(tick, time.Second), followers: map[chan []tenants.Operation]struct{}{}}
}

// Follow returns a channel of the operations that change from now on, as they are after the change: those that began, took
// a step or finished. Changes of one operation between two readings are one. The slices are shared and must not be changed.
// The channel is closed when ctx ends, or when the follower has fallen too far behind. Returns ErrTooManyFollowers.
func (f *Feed) Follow(ctx context.Context) (<-chan []tenants.Operation, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.followers) >= maxFollowers {
		return nil, ErrTooManyFollowers
	}
	if f.stop == nil {
		reading := &ledgerReading{master: f.manager.master}
		if _, err := reading.next(ctx); err != nil {
			return nil, fmt.Errorf("read the ledger: %w", err)
		}
		lasting, stop := context.WithCancel(context.Background()) // not in the first follower's trace
		f.stop = stop
		go f.run(lasting, reading)
	}
	changes := make(chan []tenants.Operation, maxBehind)
	f.followers[changes] = struct{}{}
	context.AfterFunc(ctx, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.drop(changes)
	})
	return changes, nil
}

// drop removes a follower. mu must be locked.
func (f *Feed) drop(changes chan []tenants.Operation) {
	if _, follows := f.followers[changes]; !follows {
		return
	}
	delete(f.followers, changes)
	close(changes)
	if len(f.followers) == 0 {
		f.stop()
		f.stop = nil
	}
}

// run reads the ledger at each tick until ctx ends. A reading that fails is made up for by the next one.
func (f *Feed) run(ctx context.Context, reading *ledgerReading) {
	ticker := time.NewTicker(f.tick)
	defer ticker.Stop()
	failed := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		changed, err := reading.next(ctx)
		if err != nil && !failed && ctx.Err() == nil {
			f.manager.log.WarnContext(ctx, "read the ledger for those who follow it", "error", err)
		}
		failed = err != nil
		f.tell(ctx, changed)
	}
}

// tell sends changes to the followers, unless the reading has ended meanwhile.
func (f *Feed) tell(ctx context.Context, changed []tenants.Operation) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(changed) == 0 || ctx.Err() != nil {
		return
	}
	for changes := range f.followers {
		select {
		case changes <- changed:
		default:
			f.drop(changes)
		}
	}
}

// ledgerReading finds what has changed in the ledger since it was last read. It reads the unfinished operations and those of
// the last minute, by indexes, and the others that were unfinished before.
type ledgerReading struct {
	master *tenants.Master
	known  map[string]operationVersion
	begun  time.Time // when the last reading that succeeded began
}

// operationVersion is what differs when an operation has changed.
type operationVersion struct {
	ID         string
	State      tenants.OperationState
	Step       string
	Error      string
	Attempts   int64
	UpdatedAt  time.Time
	FinishedAt *time.Time
}

func (v operationVersion) equal(w operationVersion) bool {
	return v.State == w.State && v.Step == w.Step && v.Error == w.Error && v.Attempts == w.Attempts && v.UpdatedAt.Equal(w.UpdatedAt)
}

// next returns the operations that have changed, the earliest change first. The first call may return any.
func (r *ledgerReading) next(ctx context.Context) (changed []tenants.Operation, err error) {
	begun, known := time.Now(), map[string]operationVersion{}
	since := r.begun
	if since.IsZero() {
		since = begun
	}
	err = r.master.View(ctx, func(tx *gorm.DB) error {
		for _, where := range []*gorm.DB{tx.Where("finished_at IS NULL"), tx.Where("id > ?", idAt(since.Add(-feedOverlap)))} {
			var found []operationVersion
			if err := where.Model(&tenants.Operation{}).Find(&found).Error; err != nil {
				return err
			}
			for _, v := range found {
				known[v.ID] = v
			}
		}
		for ids := range slices.Chunk(r.changed(known), feedChunk) {
			var chunk []tenants.Operation
			if err := tx.Find(&chunk, "id IN ?", ids).Error; err != nil {
				return err
			}
			changed = append(changed, chunk...)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	r.begun, r.known = begun, known
	slices.SortFunc(changed, func(a, b tenants.Operation) int {
		return cmp.Or(a.UpdatedAt.Compare(b.UpdatedAt), strings.Compare(a.ID, b.ID))
	})
	return changed, nil
}

// changed returns the ids of operations that are new or differ from before, and of those that were unfinished before and
// aren't any more.
func (r *ledgerReading) changed(now map[string]operationVersion) (ids []string) {
	for id, v := range now {
		if before, known := r.known[id]; !known || !v.equal(before) {
			ids = append(ids, id)
		}
	}
	for id, v := range r.known {
		if _, found := now[id]; !found && v.FinishedAt == nil {
			ids = append(ids, id)
		}
	}
	return ids
}

// idAt returns the least id of an operation that began at that time.
func idAt(t time.Time) string {
	var id ulid.ULID
	_ = id.SetTime(ulid.Timestamp(t)) // fails in the year 10889
	return strings.ToLower(id.String())
}
