package proof

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
)

// chore is the name of the rounds among the master's chores.
const chore = "proof"

const (
	// fewest is the number of tenants that a round tries, if there are so many.
	fewest = 10
	// retry is the longest time until a round that was broken off is tried again.
	retry = time.Hour
	// lookInterval is the longest time between looks whether a round is due.
	lookInterval = time.Minute
	// defaultAge is what rounds work towards if any age is allowed.
	defaultAge = 30 * 24 * time.Hour
)

// Run begins a round whenever one is due and no other process does it, until ctx ends.
func (p *Proofs) Run(ctx context.Context) {
	if p.o.Interval == 0 {
		return
	}
	ticker := time.NewTicker(min(p.o.Interval/4, lookInterval))
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if err := p.Round(ctx); err != nil && ctx.Err() == nil {
			p.o.Log.WarnContext(ctx, "try backups", "error", err)
		}
	}
}

// Round tries the backups of some tenants if that is due and no other process does it: those whose last try failed, and
// those that were not tried for longest. They are so many that each tenant's turn comes within half of the age.
func (p *Proofs) Round(ctx context.Context) error {
	ctx, stop := p.o.Store.Process().Context(ctx)
	defer stop()
	taken, err := p.o.Store.TakeChore(ctx, chore)
	if err != nil || !taken {
		return err
	}
	next := p.o.Interval
	if err = p.tryAll(ctx); err != nil {
		next = min(next, retry)
	}
	lasting, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishTimeout)
	defer cancel()
	return errors.Join(err, p.o.Store.FinishChore(lasting, chore, next))
}

// finishTimeout limits how long a process that stops records the end of its round.
const finishTimeout = 5 * time.Second

// tryAll ends with the first tenant that could not be tried, because the others couldn't be either.
func (p *Proofs) tryAll(ctx context.Context) error {
	due, err := p.due(ctx)
	if err != nil {
		return fmt.Errorf("choose tenants: %w", err)
	}
	for i := range due {
		t := &due[i]
		_, err := p.Try(ctx, lifecycle.System, t)
		if errors.Is(err, ErrUntried) {
			return fmt.Errorf("tenant %q: %w", t.Subdomain, err)
		}
		if err != nil {
			p.o.Log.ErrorContext(ctx, "a tenant's backup can't be relied on", "tenant", t.Subdomain, "error", err)
		}
	}
	return nil
}

// due returns the tenants of a round. A tenant that was created since the last one may not have a backup yet.
func (p *Proofs) due(ctx context.Context) (due []tenants.Tenant, err error) {
	err = p.o.Store.Master().View(ctx, func(tx *gorm.DB) error {
		now, err := p.o.Store.Master().Now(tx)
		if err != nil {
			return err
		}
		var all int64
		if err := p.backedUp(tx).Count(&all).Error; err != nil {
			return err
		}
		n := p.share(all)
		if err := p.backedUp(tx).Where("error <> ''").Order("tried_at").Limit(n).Find(&due).Error; err != nil {
			return err
		}
		var untried []tenants.Tenant
		err = p.backedUp(tx).Where("error IS NULL OR error = ''").Where("coalesce(tried_at, created_at) <= ?", now.Add(-p.o.Interval)).
			Order("coalesce(tried_at, created_at), id").Limit(n).Find(&untried).Error
		due = append(due, untried...)
		return err
	})
	return due, err
}

// share returns how many of all tenants a round tries.
func (p *Proofs) share(all int64) int {
	age := p.o.Age
	if age == 0 {
		age = defaultAge
	}
	return max(fewest, int(float64(all)*min(1, 2*p.o.Interval.Seconds()/age.Seconds()))+1)
}

// backedUp selects the tenants that have backups, with their proofs.
func (p *Proofs) backedUp(tx *gorm.DB) *gorm.DB {
	servers := []string{}
	for _, name := range p.o.Store.Servers() {
		if p.o.IsBackedUp(name) {
			servers = append(servers, name)
		}
	}
	return tx.Model(&tenants.Tenant{}).Joins("LEFT JOIN proofs ON proofs.tenant_id = tenants.id").
		Where("server IN ? AND state NOT IN ?", servers, []tenants.State{tenants.StateProvisioning, tenants.StatePurged})
}
