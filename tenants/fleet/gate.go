package fleet

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/traffic"
)

// Gate says when a run stops after a wave because of the requests in the pause that follows. It compares tenants at
// the new schema version with those at older ones on the same servers, over all processes. The zero value has
// the defaults.
type Gate struct {
	// MaxSlowdown is how many times longer the requests of migrated tenants may take, at the 95th percentile. A
	// difference of less than 10 ms never counts. Defaults to 2.
	MaxSlowdown float64 `json:"max_slowdown,omitempty"`
	// MaxErrors is by how many percentage points the share of requests that fail may be larger on migrated
	// tenants. Defaults to 1.
	MaxErrors float64 `json:"max_errors,omitempty"`
	// MinRequests is the number of requests that both kinds of tenants must have had. With fewer the gate stays
	// open. Defaults to 100.
	MinRequests int `json:"min_requests,omitempty"`
	// Off leaves the gate open.
	Off bool `json:"off,omitempty"`
}

const (
	defaultMaxSlowdown = 2
	defaultMaxErrors   = 1
	defaultMinRequests = 100
	// minSlowdown is the difference between durations that is too small to matter.
	minSlowdown = 10 * time.Millisecond
)

// check returns a *lifecycle.FilterError for a field whose value is impossible.
func (g Gate) check() error {
	switch {
	case g.MaxSlowdown != 0 && !(g.MaxSlowdown >= 1):
		return &lifecycle.FilterError{Field: "max_slowdown", Message: fmt.Sprintf("is %g: want a number from 1", g.MaxSlowdown)}
	case g.MaxErrors != 0 && !(g.MaxErrors > 0 && g.MaxErrors <= 100):
		return &lifecycle.FilterError{Field: "max_errors", Message: fmt.Sprintf("is %g: want percentage points up to 100", g.MaxErrors)}
	case g.MinRequests < 0:
		return &lifecycle.FilterError{Field: "min_requests", Message: fmt.Sprintf("is %d: want a number from 1", g.MinRequests)}
	}
	return nil
}

// judge compares the requests of migrated tenants with those of the others in the same time. It returns what was
// found, and whether the gate closes.
func (g Gate) judge(migrated, others traffic.Total) (finding string, closes bool) {
	enough := int64(cmp.Or(g.MinRequests, defaultMinRequests))
	if migrated.Requests < enough || others.Requests < enough {
		return fmt.Sprintf("too few requests to judge: %d of migrated tenants and %d of the others, and %d of each are needed",
			migrated.Requests, others.Requests, enough), false
	}
	share, usual := failing(migrated), failing(others)
	if most := cmp.Or(g.MaxErrors, defaultMaxErrors); share-usual > most {
		return fmt.Sprintf("requests of migrated tenants fail: %d of %d (%.1f%%), against %d of %d (%.1f%%) of the others in the same time, and at most %g percentage points more are allowed",
			migrated.Failed, migrated.Requests, share, others.Failed, others.Requests, usual, most), true
	}
	p95, usually := migrated.P95, others.P95
	times := cmp.Or(g.MaxSlowdown, defaultMaxSlowdown)
	slow := float64(p95) > times*float64(usually) && p95-usually >= minSlowdown
	if slow {
		return fmt.Sprintf("requests of migrated tenants are slow: the 95th percentile of %d is %s, against %s of %d of the others in the same time, and at most %g times as long is allowed",
			migrated.Requests, brief(p95), brief(usually), others.Requests, times), true
	}
	return fmt.Sprintf("%d requests of migrated tenants are like %d of the others: %.1f%% and %.1f%% failed, and the 95th percentiles are %s and %s",
		migrated.Requests, others.Requests, share, usual, brief(p95), brief(usually)), false
}

// failing returns the percentage of requests that failed.
func failing(t traffic.Total) float64 { return 100 * float64(t.Failed) / float64(t.Requests) }

// brief rounds a duration to three digits or so.
func brief(d time.Duration) time.Duration {
	if d < 100*time.Millisecond {
		return d.Round(100 * time.Microsecond)
	}
	return d.Round(time.Millisecond)
}

// gate waits between two waves, and returns why the run must not go on, or "".
func (p *Pass) gate(ctx context.Context) (reason string, err error) {
	failed := len(p.failed)
	if most := p.plan.MaxFailures; most != nil && failed > *most {
		return fmt.Sprintf("failures by the end of wave %d of %d: %d, and at most %d are allowed", p.wave, len(p.waves), failed, *most), nil
	}
	before, err := traffic.ReadMark(ctx, p.store.Master())
	if err != nil {
		return p.unlessInterrupted(ctx, err)
	}
	if p.plan.PauseSeconds > 0 {
		p.note("wave %d of %d has ended; the next begins in %s", p.wave, len(p.waves), p.plan.pause())
	}
	if reason, err := p.pause(ctx); err != nil || reason != "" {
		return reason, err
	}
	return p.compare(ctx, before)
}

// compare judges the requests since a mark. It returns why the run must not go on, or "".
func (p *Pass) compare(ctx context.Context, before traffic.Mark) (reason string, err error) {
	if p.plan.Gate.Off {
		return "", nil
	}
	after, err := traffic.ReadMark(ctx, p.store.Master())
	if err != nil {
		return p.unlessInterrupted(ctx, err)
	}
	finding, closes := p.plan.Gate.judge(after.Since(before, p.isMigrated), after.Since(before, p.isBehind))
	finding = fmt.Sprintf("after wave %d of %d, %s", p.wave, len(p.waves), finding)
	if closes {
		return finding, nil
	}
	p.note("%s", finding)
	return "", nil
}

// unlessInterrupted returns the reason that ctx ended, or else err.
func (p *Pass) unlessInterrupted(ctx context.Context, err error) (string, error) {
	if ctx.Err() != nil {
		return interrupted, nil
	}
	return "", err
}

// isMigrated reports whether the group's tenants are at the version of a server of this run, or a newer one.
func (p *Pass) isMigrated(g traffic.Group) bool {
	target, ok := p.target(g.Server)
	return ok && g.SchemaVersion >= target
}

// isBehind reports whether the group's tenants are behind the version of a server of this run.
func (p *Pass) isBehind(g traffic.Group) bool {
	target, ok := p.target(g.Server)
	return ok && g.SchemaVersion < target
}

// target returns the version to which the run migrates tenants on a server, and false for a server without any.
func (p *Pass) target(server string) (version int64, ok bool) {
	if p.slots[server] == nil {
		return 0, false
	}
	engine, err := p.store.Server(server)
	if err != nil {
		return 0, false
	}
	return engine.SchemaVersion(), true
}

// pause waits for the time between two waves. It returns why the run must not go on, or "".
func (p *Pass) pause(ctx context.Context) (reason string, err error) {
	for end := time.Now().Add(p.plan.pause()); ; {
		left := min(time.Until(end), checkInterval)
		if left <= 0 {
			return "", nil
		}
		select {
		case <-ctx.Done():
			return interrupted, nil
		case <-time.After(left):
		}
		now, err := p.read(ctx)
		if err != nil {
			return p.unlessInterrupted(ctx, err)
		}
		if now.State == tenants.RunStopping {
			return now.Reason, nil
		}
	}
}
