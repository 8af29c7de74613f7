package tenants

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/sync/singleflight"
)

// registry finds the tenant that has a subdomain or a host of its own, and caches the answers. It
// caches found and missing names separately, so that a flood of invented names evicts no tenant. It
// is safe for concurrent use.
type registry struct {
	find func(ctx context.Context, subdomain string) (*Tenant, error)
	now  func() time.Time
	away func() bool // reports whether the master doesn't answer

	flight singleflight.Group

	mu         sync.Mutex // protects the fields below
	found      *simplelru.LRU[string, cached]
	names      map[string][]string // the keys of found, by tenant id
	missing    *simplelru.LRU[string, cached]
	generation uint64 // incremented by each flush and eviction
	flushed    uint64 // answers from before this generation are looked up again
}

// cached is the answer of a look-up. If tenant is nil, err says why. The tenant is shared by all
// callers and never changed.
type cached struct {
	tenant     *Tenant
	err        error
	until      time.Time
	generation uint64
}

const (
	// missingSize bounds the number of names that are cached as missing.
	missingSize = 10_000
	// cacheTTL bounds how long an answer is used if the notification of a change gets lost.
	cacheTTL = 30 * time.Second
	// findTimeout bounds a look-up in the master. The look-up does not end when the first caller
	// leaves.
	findTimeout = 5 * time.Second
	// awayTimeout replaces findTimeout while the master doesn't answer, so that those who wait for it are refused soon.
	awayTimeout = time.Second
)

func newRegistry(size int, find func(context.Context, string) (*Tenant, error)) (*registry, error) {
	r := &registry{find: find, now: time.Now, away: func() bool { return false }, names: map[string][]string{}}
	var err error
	if r.found, err = simplelru.NewLRU(size, r.dropName); err != nil {
		return nil, err
	}
	r.missing, err = simplelru.NewLRU[string, cached](missingSize, nil)
	return r, err
}

// lookup returns the tenant with that name, in any state. Returns ErrUnknownTenant, a *MovedError, or
// ErrUnavailable if the master doesn't answer. The name is a subdomain, or a host if it has dots.
func (r *registry) lookup(ctx context.Context, name string) (*Tenant, error) {
	if answer, ok := r.cached(name); ok {
		return answer.result()
	}
	generation := r.current()
	answer := r.flight.DoChan(fmt.Sprint(generation, " ", name), func() (any, error) { return r.load(name, generation) })
	select {
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case result := <-answer:
		if result.Err != nil {
			return r.stale(name, result.Err)
		}
		return result.Val.(cached).result()
	}
}

// stale returns the last answer for the name if the master can't give one. A tenant that an operation has changed is
// not among them once this process has drained it, because that evicts it; and none is once the process has lapsed.
func (r *registry) stale(name string, err error) (*Tenant, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	answer, ok := r.found.Get(name)
	if !ok || !errors.Is(err, ErrUnavailable) {
		return nil, err
	}
	return answer.result()
}

func (c cached) result() (*Tenant, error) {
	return c.tenant, c.err
}

func (r *registry) cached(name string) (cached, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	answer, ok := r.found.Get(name)
	if ok && r.away() {
		return answer, true
	}
	if !ok {
		answer, ok = r.missing.Get(name)
	}
	return answer, ok && answer.generation >= r.flushed && r.now().Before(answer.until)
}

// current returns the generation that a look-up beginning now belongs to.
func (r *registry) current() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.generation
}

// load asks the master and caches the answer, unless something was evicted since that generation:
// the answer may be older than the change that caused the eviction. For the same reason a look-up
// doesn't join one that began earlier.
func (r *registry) load(name string, generation uint64) (cached, error) {
	ctx, cancel := context.WithTimeout(context.Background(), r.timeout())
	defer cancel()

	tenant, err := r.find(ctx, name)
	if err != nil && !errors.Is(err, ErrUnknownTenant) {
		return cached{}, err
	}
	answer := cached{tenant, err, r.now().Add(cacheTTL), generation}

	r.mu.Lock()
	defer r.mu.Unlock()
	if generation != r.generation {
		return answer, nil
	}
	r.found.Remove(name) // another tenant may have had the name
	if tenant == nil {
		r.missing.Add(name, answer)
		return answer, nil
	}
	r.missing.Remove(name)
	r.found.Add(name, answer)
	r.names[tenant.ID] = append(r.names[tenant.ID], name)
	return answer, nil
}

// timeout bounds a question to the master.
func (r *registry) timeout() time.Duration {
	if r.away() {
		return awayTimeout
	}
	return findTimeout
}

// knows reports whether t itself is the last answer for one of its names. While the master can't be asked, that means
// that no operation has changed the tenant: it would wait until this process has drained the tenant, which evicts it.
func (r *registry) knows(t *Tenant) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, name := range r.names[t.ID] {
		if answer, ok := r.found.Peek(name); ok && answer.tenant == t {
			return true
		}
	}
	return false
}

// dropName removes a name from names when found evicts its answer. The caller holds r.mu.
func (r *registry) dropName(name string, answer cached) {
	id := answer.tenant.ID
	left := slices.DeleteFunc(r.names[id], func(n string) bool { return n == name })
	if len(left) == 0 {
		delete(r.names, id)
		return
	}
	r.names[id] = left
}

// evict drops the tenant's answers and all missing names, since one of them may be the tenant's by
// now. It keeps the answers for other tenants.
func (r *registry) evict(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.generation++
	for _, name := range slices.Clone(r.names[id]) {
		r.found.Remove(name)
	}
	r.missing.Purge()
}

// flush makes all answers be looked up again. While the master can't answer, the last ones remain in use.
func (r *registry) flush() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.generation++
	r.flushed = r.generation
	r.missing.Purge()
}

// forget drops all answers.
func (r *registry) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.generation++
	r.found.Purge()
	r.missing.Purge()
}
