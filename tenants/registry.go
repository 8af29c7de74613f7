package tenants

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/sync/singleflight"

	"tenantry/models"
)

// registry answers which tenant has a subdomain, from memory where it can.
// Found and missing subdomains are kept apart, so that a flood of invented
// names pushes no tenant out. It is safe for concurrent use.
type registry struct {
	find func(ctx context.Context, subdomain string) (*models.Tenant, error)
	now  func() time.Time

	flight singleflight.Group

	mu         sync.Mutex // guards what follows
	found      *simplelru.LRU[string, cached]
	missing    *simplelru.LRU[string, cached]
	generation uint64 // grows with each flush
}

// cached is a look-up's answer; tenant is nil where there is none. The tenant
// is shared by all who ask and never changed.
type cached struct {
	tenant *models.Tenant
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

func newRegistry(size int, find func(context.Context, string) (*models.Tenant, error)) (*registry, error) {
	found, err := simplelru.NewLRU[string, cached](size, nil)
	if err != nil {
		return nil, err
	}
	missing, err := simplelru.NewLRU[string, cached](missingSize, nil)
	if err != nil {
		return nil, err
	}
	return &registry{find: find, now: time.Now, found: found, missing: missing}, nil
}

// lookup returns the subdomain's tenant in whatever state it is,
// ErrUnknownTenant, or ErrUnavailable when the master can't be asked.
func (r *registry) lookup(ctx context.Context, subdomain string) (*models.Tenant, error) {
	if answer, ok := r.cached(subdomain); ok {
		return answer.result()
	}
	answer := r.flight.DoChan(subdomain, func() (any, error) { return r.load(subdomain) })
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

func (c cached) result() (*models.Tenant, error) {
	if c.tenant == nil {
		return nil, ErrUnknownTenant
	}
	return c.tenant, nil
}

func (r *registry) cached(subdomain string) (cached, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	answer, ok := r.found.Get(subdomain)
	if !ok {
		answer, ok = r.missing.Get(subdomain)
	}
	return answer, ok && r.now().Before(answer.until)
}

// load asks the master and keeps the answer, unless a flush came meanwhile:
// the answer may be older than the change that caused it.
func (r *registry) load(subdomain string) (cached, error) {
	ctx, cancel := context.WithTimeout(context.Background(), findTimeout)
	defer cancel()
	r.mu.Lock()
	generation := r.generation
	r.mu.Unlock()

	tenant, err := r.find(ctx, subdomain)
	if err != nil && !errors.Is(err, ErrUnknownTenant) {
		return cached{}, err
	}
	answer := cached{tenant, r.now().Add(cacheTTL)}

	r.mu.Lock()
	defer r.mu.Unlock()
	if generation != r.generation {
		return answer, nil
	}
	if tenant == nil {
		r.found.Remove(subdomain)
		r.missing.Add(subdomain, answer)
	} else {
		r.missing.Remove(subdomain)
		r.found.Add(subdomain, answer)
	}
	return answer, nil
}

// flush forgets all answers.
func (r *registry) flush() {
	r.mu.Lock()
	r.generation++
	r.found.Purge()
	r.missing.Purge()
	r.mu.Unlock()
}
