package fleet

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	"tenantry/tenants"
	"tenantry/tenants/trial"
)

// Rehearsal is what the pending migrations did to a copy of a tenant.
type Rehearsal struct {
	Subdomain string `json:"subdomain"`
	Server    string `json:"server"`
	// Reasons say why the tenant was chosen.
	Reasons []string `json:"reasons"`
	// Bytes is the size of the tenant's database, or 0 if it is unknown.
	Bytes int64 `json:"bytes"`
	// Report is what the migrations did. It is nil if the rehearsal was impossible.
	Report *trial.Report `json:"report"`
	// Error is why the migrations failed, or why the rehearsal was impossible. It is empty if all is well.
	Error string `json:"error"`
}

// How many tenants of each server Rehearse chooses for some reasons.
const (
	maxFailed = 5
	maxRandom = 3
)

// Rehearse applies the pending migrations to copies of the plan's tenants that are most at risk: on each server the
// largest, the one with the oldest schema, those whose last migration failed, and a few at random, which depend on seed
// alone. If the plan names tenants, these are all. The copies are made and removed one after another; the tenants are
// served meanwhile and stay as they are.
//
// A tenant's failure is in its Rehearsal. With an error Rehearse also returns the rehearsals until then. Returns a
// *RunningError if a migration run is under way, and an *UnknownError if the plan names tenants that don't exist.
// progress may be nil.
func (f *Fleet) Rehearse(ctx context.Context, plan Plan, seed uint64, progress func(done, total int)) ([]Rehearsal, error) {
	if err := f.checkIdle(ctx); err != nil {
		return nil, err
	}
	targets, err := f.planned(ctx, plan)
	if err != nil {
		return nil, err
	}
	chosen, err := f.choose(ctx, targets, plan, seed)
	if err != nil {
		return nil, err
	}
	rehearsals := []Rehearsal{}
	for i, c := range chosen {
		rehearsal, err := f.rehearse(ctx, c)
		if err != nil {
			return rehearsals, err
		}
		rehearsals = append(rehearsals, rehearsal)
		if progress != nil {
			progress(i+1, len(chosen))
		}
	}
	return rehearsals, nil
}

// checkIdle returns a *RunningError if a migration run is under way.
func (f *Fleet) checkIdle(ctx context.Context) error {
	runs, err := f.Runs(ctx, 1)
	if err != nil || len(runs) == 0 || !runs[0].UnderWay() {
		return err
	}
	return &RunningError{tenants.MigrationRun{ID: runs[0].ID, By: runs[0].By, StartedAt: runs[0].StartedAt}}
}

// rehearse applies the migrations to a copy of one tenant.
func (f *Fleet) rehearse(ctx context.Context, c candidate) (Rehearsal, error) {
	r := Rehearsal{Subdomain: c.Subdomain, Server: c.Server, Reasons: c.reasons, Bytes: c.bytes}
	engine, err := f.rehearser(c.Server)
	if err != nil {
		return r, err
	}
	tenant, err := f.manager.Get(ctx, c.ID)
	if err == nil {
		r.Report, err = engine.RehearseData(ctx, tenant)
	}
	switch {
	case ctx.Err() != nil:
		return r, fmt.Errorf("rehearse the migration of %q: %w", c.Subdomain, context.Cause(ctx))
	case err != nil:
		r.Report, r.Error = nil, err.Error()
	default:
		r.Error = r.Report.Error
	}
	return r, nil
}

// candidate is a tenant that was chosen for a rehearsal.
type candidate struct {
	target
	bytes   int64
	reasons []string
}

// choose returns the tenants at most risk.
func (f *Fleet) choose(ctx context.Context, targets []target, plan Plan, seed uint64) (chosen []candidate, err error) {
	servers := map[string][]candidate{}
	sizes := map[string]map[string]int64{}
	var names []string
	for _, t := range targets {
		if sizes[t.Server] == nil {
			names = append(names, t.Server)
			if sizes[t.Server], err = f.sizes(ctx, t.Server); err != nil {
				return nil, err
			}
		}
		c := candidate{target: t, bytes: sizes[t.Server][t.Database]}
		if slices.Contains(plan.Tenants, t.Subdomain) {
			c.reasons = []string{"named"}
		}
		servers[t.Server] = append(servers[t.Server], c)
	}
	slices.Sort(names)
	random := rand.New(rand.NewPCG(seed, 0))
	for _, name := range names {
		mark(servers[name], random)
		for _, c := range servers[name] {
			if len(c.reasons) > 0 {
				chosen = append(chosen, c)
			}
		}
	}
	return chosen, nil
}

func (f *Fleet) sizes(ctx context.Context, server string) (map[string]int64, error) {
	engine, err := f.store.Server(server)
	if err != nil {
		return nil, err
	}
	sizes, err := sizesOn(ctx, engine)
	if sizes == nil {
		sizes = map[string]int64{}
	}
	return sizes, err
}

// mark gives reasons to those of a server's tenants that are at most risk. The newest tenants are first among all.
func mark(all []candidate, random *rand.Rand) {
	largest, oldest, newest, failed := 0, 0, 0, 0
	for i := range all {
		if all[i].bytes > all[largest].bytes {
			largest = i
		}
		if all[i].SchemaVersion <= all[oldest].SchemaVersion {
			oldest = i
		}
		if all[i].SchemaVersion > all[newest].SchemaVersion {
			newest = i
		}
	}
	all[largest].reasons = append(all[largest].reasons, "the largest")
	if all[oldest].SchemaVersion < all[newest].SchemaVersion {
		all[oldest].reasons = append(all[oldest].reasons, "the oldest schema")
	}
	for i := range all {
		if all[i].Failed && failed < maxFailed {
			failed++
			all[i].reasons = append(all[i].reasons, "failed last")
		}
	}
	picked := 0
	for _, i := range random.Perm(len(all)) {
		if len(all[i].reasons) == 0 && picked < maxRandom {
			picked++
			all[i].reasons = []string{"random"}
		}
	}
}
