package traffic

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
)

// Hour returns the last hour of a tenant's requests to all processes, or of all requests if tenantID is
// empty, or of those on a server if it is OfServer's. Those of other processes are known until the last whole minute.
func (a *Archive) Hour(ctx context.Context, tenantID string) (Hour, error) {
	last, own := a.ownHour(tenantID)
	rows, err := a.others(ctx, last, "tenant_id = ?", tenantID)
	if err != nil {
		return Hour{}, err
	}
	for i := range rows {
		if at := minuteOf(rows[i].At) - last + Minutes - 1; at >= 0 && at < Minutes {
			own[at].add(countsOf(&rows[i]))
		}
	}
	return hourOf(&own, last), nil
}

// ownHour returns the counts of this process for the hour that ends with the minute last.
func (a *Archive) ownHour(tenantID string) (last int64, own [Minutes]counts) {
	a.own.mu.Lock()
	defer a.own.mu.Unlock()
	last = max(minuteOf(a.own.now()), a.own.minute)
	return last, a.own.hour(tenantID, last)
}

// others reads the minutes of other processes in the hour that ends with the minute last.
func (a *Archive) others(ctx context.Context, last int64, condition string, args ...any) (rows []tenants.TrafficCount, err error) {
	err = a.master.View(ctx, func(tx *gorm.DB) error {
		return tx.Where("span = ? AND at > ? AND source <> ?", tenants.SpanMinute, timeOf(last-Minutes), a.source).
			Where(condition, args...).Find(&rows).Error
	})
	if err != nil {
		return nil, fmt.Errorf("read counts of requests: %w", err)
	}
	return rows, nil
}

// Busiest returns the n tenants with the most requests to all processes in the last hour, or fewer.
func (a *Archive) Busiest(ctx context.Context, n int) ([]Rank, error) {
	ranks, err := a.ranks(ctx, Minutes)
	return ranks[:min(n, len(ranks))], err
}

// Recent returns the tenants with requests to all processes in the last minutes, the busiest first.
func (a *Archive) Recent(ctx context.Context, minutes int) ([]Rank, error) {
	return a.ranks(ctx, minutes)
}

func (a *Archive) ranks(ctx context.Context, minutes int) ([]Rank, error) {
	last, sums := a.ownSums(minutes)
	rows, err := a.others(ctx, last, "tenant_id <> '' AND tenant_id NOT LIKE ? AND at > ?", serverMark+"%", timeOf(last-int64(minutes)))
	if err != nil {
		return nil, err
	}
	for i := range rows {
		sum := sums[rows[i].TenantID]
		sum.add(countsOf(&rows[i]))
		sums[rows[i].TenantID] = sum
	}
	ranks := make([]Rank, 0, len(sums))
	for id, sum := range sums {
		if sum.requests > 0 {
			ranks = append(ranks, Rank{id, totalOf(&sum)})
		}
	}
	slices.SortFunc(ranks, func(a, b Rank) int {
		return cmp.Or(cmp.Compare(b.Requests, a.Requests), cmp.Compare(a.TenantID, b.TenantID))
	})
	return ranks, nil
}

// ownSums returns the counts of this process for each tenant in the minutes until the minute last.
func (a *Archive) ownSums(minutes int) (last int64, sums map[string]counts) {
	a.own.mu.Lock()
	defer a.own.mu.Unlock()
	last = max(minuteOf(a.own.now()), a.own.minute)
	sums = make(map[string]counts, len(a.own.tenants))
	for id, of := range a.own.tenants {
		sums[id] = of.minutes.sum(last, minutes)
	}
	return last, sums
}

// Period is a time of requests, by parts of the same length and in total.
type Period struct {
	// Step is the length of a part.
	Step time.Duration
	// Parts has the oldest part first. The last one is still running.
	Parts []Minute
	Total
}

// Period returns the hour by its minutes.
func (h *Hour) Period() Period { return Period{time.Minute, h.Minutes[:], h.Total} }

// Day is like Hour for the last 24 hours, by the hour.
func (a *Archive) Day(ctx context.Context, tenantID string) (Period, error) {
	return a.period(ctx, tenantID, time.Hour, 24)
}

// Weeks is like Day for the last four weeks, by the day in UTC.
func (a *Archive) Weeks(ctx context.Context, tenantID string) (Period, error) {
	return a.period(ctx, tenantID, 24*time.Hour, int(hoursLife/(24*time.Hour)))
}

// period adds up the rows of the last n steps.
func (a *Archive) period(ctx context.Context, tenantID string, step time.Duration, n int) (Period, error) {
	begin := a.own.now().UTC().Truncate(step).Add(-time.Duration(n-1) * step)
	next := a.next.Load()
	rows, err := a.written(ctx, tenantID, begin, timeOf(next))
	if err != nil {
		return Period{}, err
	}
	sums, all := make([]counts, n), counts{}
	add := func(at time.Time, c *counts) {
		if part := int(at.Sub(begin) / step); part >= 0 && part < n {
			sums[part].add(c)
			all.add(c)
		}
	}
	for i := range rows {
		add(rows[i].At, countsOf(&rows[i]))
	}
	last, own := a.ownHour(tenantID)
	for i := range own {
		if minute := last - Minutes + 1 + int64(i); minute >= next {
			add(timeOf(minute), &own[i])
		}
	}
	p := Period{Step: step, Parts: make([]Minute, n), Total: totalOf(&all)}
	for i := range sums {
		p.Parts[i] = Minute{begin.Add(time.Duration(i) * step), totalOf(&sums[i])}
	}
	return p, nil
}

// written reads the rows that begin at a time or later, without those that this process has written since
// next: it adds what it counted itself.
func (a *Archive) written(ctx context.Context, tenantID string, begin, next time.Time) (rows []tenants.TrafficCount, err error) {
	err = a.master.View(ctx, func(tx *gorm.DB) error {
		return tx.Where("span IN ? AND at >= ? AND tenant_id = ?", []string{tenants.SpanMinute, tenants.SpanHour}, begin, tenantID).
			Where("NOT (source = ? AND at >= ?)", a.source, next).Find(&rows).Error
	})
	if err != nil {
		return nil, fmt.Errorf("read counts of requests: %w", err)
	}
	return rows, nil
}
