package tenants

import (
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"gorm.io/gorm"
)

// Defaults of CacheOptions.
const (
	defaultCacheEntries = 1000
	defaultCacheAge     = time.Second
)

// CacheOptions configure a Cache.
type CacheOptions struct {
	// Entries is how many values of each tenant are kept; the one that was used longest ago goes first. It is a number for
	// each tenant, so that no tenant pushes another one's values out; Options.MaxOpen bounds the tenants. It counts values and
	// not bytes, which Go can't measure: keep values small. Defaults to 1,000.
	Entries int
	// MaxAge is how long a value is used at most. It bounds how late a change by another process is seen. Defaults to 1 second.
	MaxAge time.Duration
}

// Cache keeps values that are computed from tenants' databases in memory, in this process. Values are found and stored only
// with the transaction of a View, among those of its tenant: they belong to the tenant's open handle and go with it, when
// the tenant is idle, evicted, suspended, moved, restored or purged.
//
// A View never gets a value that differs from what it would compute, as far as this process wrote the tenant's database: a
// commit of any scope, which may have changed anything, ends all values of the tenant before it is sent. While a commit is
// under way, and in a View that began before one, values are computed and not stored. A commit whose outcome is unknown
// stops the cache until the handle is closed.
//
// What other processes committed, what psql and sqlite3 wrote, and what a migration changed is in every value that is
// returned MaxAge later, and may be missing before. Time during which the machine sleeps doesn't count; a sleep longer than
// the process counts as alive closes all handles. A value whose key has a version that the View read from the database, such
// as a row's, is as right as that version.
//
// In an Update, whose own writes the value would have to show, values are computed each time and never stored.
//
// A Cache is safe for concurrent use.
type Cache[K comparable, V any] struct {
	o CacheOptions
}

// NewCache makes a cache. Values are shared by all who get them: they must not be changed.
func NewCache[K comparable, V any](o CacheOptions) *Cache[K, V] {
	if o.Entries <= 0 {
		o.Entries = defaultCacheEntries
	}
	if o.MaxAge <= 0 {
		o.MaxAge = defaultCacheAge
	}
	return &Cache[K, V]{o: o}
}

// CacheStats count what the caches did.
type CacheStats struct {
	// Hits are values that were not computed by the scope that asked for them, Misses those that were computed and stored
	// if they could be, and Bypassed those of scopes that couldn't use the cache. Evicted were pushed out by others of the
	// same tenant.
	Hits, Misses, Bypassed, Evicted uint64
}

// cacheCounts count what the caches did with the tenants of a store.
type cacheCounts struct{ hits, misses, bypassed, evicted atomic.Uint64 }

// CacheStats returns what all caches together did since the start.
func (s *Store) CacheStats() CacheStats {
	c := &s.caches
	return CacheStats{c.hits.Load(), c.misses.Load(), c.bypassed.Load(), c.evicted.Load()}
}

// Get returns the value of a key, of the tenant of tx. compute returns it from the database, with tx; callers that miss the
// same key at the same time wait for one of them to compute it, so compute must not wait for a scope in another goroutine. Get
// panics if tx is not of a running scope of a tenant. Returns compute's error, which isn't stored.
func (c *Cache[K, V]) Get(tx *gorm.DB, key K, compute func() (V, error)) (V, error) {
	values, err := c.GetAll(tx, []K{key}, func([]K) (map[K]V, error) {
		value, err := compute()
		return map[K]V{key: value}, err
	})
	return values[key], err
}

// GetAll is Get for several keys. compute gets those that are missing, and is not called if there are none. The value of a
// key that compute leaves out is the zero V.
func (c *Cache[K, V]) GetAll(tx *gorm.DB, keys []K, compute func(missing []K) (map[K]V, error)) (map[K]V, error) {
	t := transactionOf(tx)
	if t.values == nil {
		panic("tenants: Cache used in a scope on the master; values belong to a tenant")
	}
	found := make(map[K]V, len(keys))
	shelf := shelfOf[K, V](c, t)
	mine, awaited, ok := shelf.look(t, keys, found)
	if !ok {
		t.values.counts.bypassed.Add(uint64(len(keys)))
		return found, computeInto(found, keys, compute)
	}
	t.values.counts.hits.Add(uint64(len(found)))
	if len(mine) > 0 {
		t.values.counts.misses.Add(uint64(len(mine)))
		if err := c.fill(t, shelf, mine, found, compute); err != nil {
			return nil, err
		}
	}
	failed, err := c.await(t, awaited, found)
	if err != nil || len(failed) == 0 {
		return found, err
	}
	t.values.counts.misses.Add(uint64(len(failed)))
	return found, computeInto(found, failed, compute)
}

// computeInto adds the computed values of the keys to found.
func computeInto[K comparable, V any](found map[K]V, keys []K, compute func([]K) (map[K]V, error)) error {
	values, err := compute(keys)
	if err != nil {
		return err
	}
	for _, key := range keys {
		found[key] = values[key]
	}
	return nil
}

// fill computes the values of keys that the scope has taken on, and stores them.
func (c *Cache[K, V]) fill(t *transaction, s *shelf[K, V], mine map[K]*computation[V], found map[K]V, compute func([]K) (map[K]V, error)) (err error) {
	until, valid := t.begun().Add(c.o.MaxAge), false
	defer func() { t.values.counts.evicted.Add(s.finish(t, mine, found, until, valid)) }() // also after a panic
	t.computing.Add(1)
	defer t.computing.Add(-1)
	keys := make([]K, 0, len(mine))
	for key := range mine {
		keys = append(keys, key)
	}
	if err := computeInto(found, keys, compute); err != nil {
		return err
	}
	valid = t.values.isCurrent(t) && !t.hasFailed()
	return nil
}

// await adds the values that other scopes compute to found once they have them. It returns the keys of those that failed: all
// in a scope within another one, by way of another context, which may be computing them.
func (c *Cache[K, V]) await(t *transaction, awaited map[K]*computation[V], found map[K]V) (failed []K, err error) {
	if len(awaited) > 0 && runsNested() {
		return slices.Collect(maps.Keys(awaited)), nil
	}
	for key, f := range awaited {
		select {
		case <-f.over:
		case <-t.ctx.Done():
			return nil, context.Cause(t.ctx)
		}
		if !f.valid || !time.Now().Before(f.until) {
			failed = append(failed, key)
			continue
		}
		t.values.counts.hits.Add(1)
		found[key] = f.value
	}
	return failed, nil
}

// shelf has a cache's values of a tenant, all of one generation of its database.
type shelf[K comparable, V any] struct {
	mu         sync.Mutex // protects the fields below
	generation uint64
	values     *simplelru.LRU[K, stored[V]]
	running    map[K]*computation[V] // those that are being computed
	entries    int
}

// stored is a value and until when it is used.
type stored[V any] struct {
	value V
	until time.Time
}

// computation is a value that a scope computes. Its other fields are set before over is closed.
type computation[V any] struct {
	over chan struct{}
	stored[V]
	valid bool // the value may be used
}

// shelfOf returns the cache's values of the transaction's tenant.
func shelfOf[K comparable, V any](c *Cache[K, V], t *transaction) *shelf[K, V] {
	t.values.mu.Lock()
	defer t.values.mu.Unlock()
	s, ok := t.values.shelves[c].(*shelf[K, V])
	if !ok {
		s = &shelf[K, V]{entries: c.o.Entries}
		s.clear(0)
		t.values.shelves[c] = s
	}
	return s
}

// clear drops all values. Those that are being computed are not stored.
func (s *shelf[K, V]) clear(generation uint64) {
	s.generation = generation
	s.values, _ = simplelru.NewLRU[K, stored[V]](s.entries, nil) // the size is positive
	s.running = map[K]*computation[V]{}
}

// look adds the stored values of the keys to found. The scope takes on the others, except for those that other scopes
// compute: it awaits them, unless it is called by a compute itself. Two scopes could wait for each other then. It returns
// false if the transaction can't use the cache.
func (s *shelf[K, V]) look(t *transaction, keys []K, found map[K]V) (mine, awaited map[K]*computation[V], ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !t.readOnly || !t.quiet || !t.values.isCurrent(t) || s.generation > t.seen {
		return nil, nil, false
	}
	if s.generation < t.seen {
		s.clear(t.seen)
	}
	now := time.Now()
	mine, awaited = map[K]*computation[V]{}, map[K]*computation[V]{}
	for _, key := range keys {
		if kept, ok := s.values.Get(key); ok && now.Before(kept.until) {
			found[key] = kept.value
			continue
		}
		switch other := s.running[key]; {
		case mine[key] != nil: // the caller named it twice
		case other == nil:
			mine[key] = &computation[V]{over: make(chan struct{})}
			s.running[key] = mine[key]
		case t.computing.Load() > 0:
			mine[key] = &computation[V]{over: make(chan struct{})}
		default:
			awaited[key] = other
		}
	}
	return mine, awaited, true
}

// finish gives the values to the scopes that await them. If they are valid it stores them, and returns how many others they
// pushed out.
func (s *shelf[K, V]) finish(t *transaction, mine map[K]*computation[V], values map[K]V, until time.Time, valid bool) (evicted uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, f := range mine {
		f.stored, f.valid = stored[V]{values[key], until}, valid
		close(f.over)
		if s.running[key] == f {
			delete(s.running, key)
		}
		if valid && s.generation == t.seen && s.values.Add(key, f.stored) {
			evicted++
		}
	}
	return evicted
}

// values are what caches keep of a tenant, and tell whether it is right still. They belong to an open handle; a tenant has
// at most one in a process.
type values struct {
	counts *cacheCounts

	// begun is the number of commits that have begun, and ended that of commits whose outcome is known.
	begun, ended atomic.Uint64

	mu      sync.Mutex  // protects shelves
	shelves map[any]any // a *shelf by its *Cache
}

func newValues(counts *cacheCounts) *values { return &values{counts: counts, shelves: map[any]any{}} }

// generation returns the number of commits that have begun, and whether all of them have ended.
func (v *values) generation() (begun uint64, quiet bool) {
	ended := v.ended.Load() // before begun, which is never less
	begun = v.begun.Load()
	return begun, begun == ended
}

// isCurrent reports whether no commit has begun since the transaction did.
func (v *values) isCurrent(t *transaction) bool { return v.begun.Load() == t.seen }

// changing tells that a commit begins. The caller calls changed once it has ended, unless its outcome is unknown.
func (v *values) changing() { v.begun.Add(1) }

func (v *values) changed() { v.ended.Add(1) }
