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

// registry answers which tenant has a subdomain, or a host of its own, from
// memory where it can. Found and missing names are kept apart, so that a flood
// of invented names pushes no tenant out. It is safe for concurrent use.
type registry struct {
	find func(ctx context.Context, subdomain string) (*Tenant, error)
	now  func() time.Time

	flight singleflight.Group

	mu         sync.Mutex // guards what follows
	found      *simplelru.LRU[string, cached]
	names      map[string][]string // of the tenants in found, by id
	missing    *simplelru.LRU[string, cached]
	generation uint64 // grows with each flush and eviction
}

// cached is a look-up's answer; tenant is nil where there is none, and err says
// so. The tenant is shared by all who ask and never changed.
type cached struct {
	tenant *Tenant
	err    error
	until  time.Time
}

const (
	// missingSize bounds the names that are known to be nobody's.
	missingSize = 10_000
	// cacheTTL is the fallback where news of a change got lost.
	cacheTTL = 30 * time.Second
	// findTimeout bounds a look-up in the master, which goes on when the one
	// who asked first has left.
	findTimeout = 5 * time.Second
)

func newRegistry(size int, find func(context.Context, string) (*Tenant, error)) (*registry, error) {
	r := &registry{find: find, now: time.Now, names: map[string][]string{}}
	var err error
	if r.found, err = simplelru.NewLRU(size, r.dropName); err != nil {
		return nil, err
	}
	r.missing, err = simplelru.NewLRU[string, cached](missingSize, nil)
	return r, err
}

// lookup returns the tenant in whatever state it is, ErrUnknownTenant, a
// *MovedError, or ErrUnavailable when the master can't be asked. name is a
// subdomain, or a host with its dots.
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
			return nil, result.Err
		}
		return result.Val.(cached).result()
	}
}

func (c cached) result() (*Tenant, error) {
	return c.tenant, c.err
}

func (r *registry) cached(name string) (cached, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	answer, ok := r.found.Get(name)
	if !ok {
		answer, ok = r.missing.Get(name)
	}
	return answer, ok && r.now().Before(answer.until)
}

// current is the generation that a look-up which begins now belongs to.
func (r *registry) current() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.generation
}

// load asks the master and keeps the answer, unless something was forgotten
// since that generation: the answer may be older than the change that caused it.
// For the same reason a look-up joins none that began before.
func (r *registry) load(name string, generation uint64) (cached, error) {
	ctx, cancel := context.WithTimeout(context.Background(), findTimeout)
	defer cancel()

	tenant, err := r.find(ctx, name)
	if err != nil && !errors.Is(err, ErrUnknownTenant) {
		return cached{}, err
	}
	answer := cached{tenant, err, r.now().Add(cacheTTL)}

	r.mu.Lock()
	defer r.mu.Unlock()
	if generation != r.generation {
		return answer, nil
	}
	r.found.Remove(name) // it may have been another tenant's
	if tenant == nil {
		r.missing.Add(name, answer)
		return answer, nil
	}
	r.missing.Remove(name)
	r.found.Add(name, answer)
	r.names[tenant.ID] = append(r.names[tenant.ID], name)
	return answer, nil
}

// dropName keeps names in step with found, which calls it for every answer that
// leaves. r.mu is held.
func (r *registry) dropName(name string, answer cached) {
	id := answer.tenant.ID
	left := slices.DeleteFunc(r.names[id], func(n string) bool { return n == name })
	if len(left) == 0 {
		delete(r.names, id)
		return
	}
	r.names[id] = left
}

// evict forgets the tenant's answers, and all that a name is nobody's: it may be
// the tenant's by now. What is known of other tenants stays.
func (r *registry) evict(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.generation++
	for _, name := range slices.Clone(r.names[id]) {
		r.found.Remove(name)
	}
	r.missing.Purge()
}

// flush forgets all answers.
func (r *registry) flush() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.generation++
	r.found.Purge()
	r.missing.Purge()
}
