package traffic

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
)

// sizeLife is how long the size of a database counts.
const sizeLife = time.Minute

// sizes keeps sizes of databases. It is safe for concurrent use.
type sizes struct {
	mu    sync.Mutex      // guards known
	known map[string]size // by tenant
}

// size is the size of a database at a time.
type size struct {
	bytes int64
	at    time.Time
}

// find returns the tenants by id. It omits those that no longer exist.
func (t *Top) find(ctx context.Context, sums map[string]*sum) (map[string]*tenants.Tenant, error) {
	var found []tenants.Tenant
	if len(sums) > 0 {
		err := t.store.Master().View(ctx, func(tx *gorm.DB) error {
			return tx.Find(&found, "id IN ?", slices.Collect(maps.Keys(sums))).Error
		})
		if err != nil {
			return nil, fmt.Errorf("read tenants: %w", err)
		}
	}
	byID := make(map[string]*tenants.Tenant, len(found))
	for i := range found {
		byID[found[i].ID] = &found[i]
	}
	return byID, nil
}

// measure fills in the sizes of the tenants' databases, as far as they are known within a second.
func (t *Top) measure(ctx context.Context, rows []TenantActivity, found map[string]*tenants.Tenant) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	t.sizes.mu.Lock()
	defer t.sizes.mu.Unlock()
	now := time.Now()
	maps.DeleteFunc(t.sizes.known, func(_ string, s size) bool { return now.Sub(s.at) > sizeLife })
	for i := range rows {
		tenant := found[rows[i].ID]
		if tenant == nil {
			continue
		}
		s, known := t.sizes.known[tenant.ID]
		if !known {
			if s, known = t.ask(ctx, tenant, now); !known {
				continue
			}
		}
		rows[i].Size = &s.bytes
	}
}

// ask measures the tenant's database. The caller holds the lock.
func (t *Top) ask(ctx context.Context, tenant *tenants.Tenant, now time.Time) (size, bool) {
	engine, err := t.store.Server(tenant.Server)
	if err != nil {
		return size{}, false
	}
	sizer, ok := engine.(tenants.Sizer)
	if !ok {
		return size{}, false
	}
	bytes, err := sizer.Size(ctx, tenant)
	if err != nil {
		return size{}, false
	}
	s := size{bytes, now}
	t.sizes.known[tenant.ID] = s
	return s, true
}
