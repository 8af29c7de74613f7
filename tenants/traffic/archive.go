package traffic

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/oklog/ulid/v2"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"tenantry/tenants"
)

// Archived is the number of tenants whose requests a process writes into the master separately, for each
// minute. Other rows count those of each server, and all requests, so those of the other tenants are the difference.
const Archived = 50

// Archive keeps the requests of all processes in their master: by the minute for about two hours, by the
// hour for four weeks. It is safe for concurrent use.
type Archive struct {
	own    *Recorder
	master *tenants.Master
	source string       // names this process's rows
	next   atomic.Int64 // the first minute that is not written

	writing sync.Mutex // held while writing; guards what follows
	rolled  int64      // the hour in which minutes were last added up
	told    bool       // whether the master has a load of this process
}

// NewArchive returns an archive of what a recorder counts, and of what other processes have written into
// the master.
func NewArchive(r *Recorder, master *tenants.Master) *Archive {
	return &Archive{own: r, master: master, source: strings.ToLower(ulid.Make().String())}
}

// Write writes the minutes that are over and were not written yet, in one statement. It writes nothing
// if there was no request in them. If it fails, the next call writes them.
func (a *Archive) Write(ctx context.Context) error { return a.write(ctx, minuteOf(a.own.now())) }

// Flush writes the running minute too, when the process has served its last request.
func (a *Archive) Flush(ctx context.Context) error { return a.write(ctx, minuteOf(a.own.now())+1) }

// write writes the minutes before the end.
func (a *Archive) write(ctx context.Context, end int64) error {
	a.writing.Lock()
	defer a.writing.Unlock()
	next := a.next.Load()
	rows := a.rows(max(next, end-Minutes), end)
	if len(rows) == 0 {
		a.next.Store(max(next, end))
		return nil
	}
	err := a.master.Update(ctx, func(tx *gorm.DB) error {
		// The rows exist if the outcome of the last COMMIT was unknown.
		return tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&rows).Error
	})
	if err != nil {
		return fmt.Errorf("write counts of requests: %w", err)
	}
	a.next.Store(end)
	if end/60 == a.rolled {
		return nil
	}
	if err := a.rollUp(ctx, timeOf(end)); err != nil {
		return err
	}
	a.rolled = end / 60
	return nil
}

// rows returns the rows of the minutes from begin until before end.
func (a *Archive) rows(begin, end int64) (rows []tenants.TrafficCount) {
	a.own.mu.Lock()
	defer a.own.mu.Unlock()
	for minute := begin; minute < end; minute++ {
		all := a.own.all.minutes.at(minute)
		if all == nil || all.requests == 0 {
			continue
		}
		rows = append(rows, a.row(minute, "", all))
		for server, of := range a.own.servers {
			if c := of.at(minute); c != nil && c.requests > 0 {
				rows = append(rows, a.row(minute, server, c))
			}
		}
		var busiest []tenants.TrafficCount
		for id, of := range a.own.tenants {
			if c := of.minutes.at(minute); c != nil && c.requests > 0 {
				busiest = append(busiest, a.row(minute, id, c))
			}
		}
		slices.SortFunc(busiest, byRequests)
		rows = append(rows, busiest[:min(Archived, len(busiest))]...)
	}
	return rows
}

func (a *Archive) row(minute int64, tenantID string, c *counts) tenants.TrafficCount {
	return tenants.TrafficCount{
		Span: tenants.SpanMinute, At: timeOf(minute), TenantID: tenantID, Source: a.source,
		Requests: int64(c.requests), Failed: int64(c.failed), Took: textOf(&c.took),
	}
}

// byRequests sorts the row with the most requests first.
func byRequests(a, b tenants.TrafficCount) int {
	return cmp.Or(cmp.Compare(b.Requests, a.Requests), cmp.Compare(a.TenantID, b.TenantID))
}

// countsOf returns the counts of a row.
func countsOf(row *tenants.TrafficCount) *counts {
	return &counts{uint32(row.Requests), uint32(row.Failed), parseTook(row.Took)}
}

const (
	// minutesLife is the age at which minutes are added up to hours.
	minutesLife = 90 * time.Minute
	// hoursLife is the age at which hours are deleted.
	hoursLife = 28 * 24 * time.Hour
)
