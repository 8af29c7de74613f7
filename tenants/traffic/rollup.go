package traffic

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"tenantry/tenants"
)

// rollUp adds up the minutes of past hours, of all processes, and deletes old hours. A minute that is
// written later than the hour it is part of was added up is dropped.
func (a *Archive) rollUp(ctx context.Context, now time.Time) error {
	err := a.master.Update(ctx, func(tx *gorm.DB) error {
		var minutes []tenants.TrafficCount
		err := tx.Clauses(clause.Returning{}).Where("span = ? AND at < ?", tenants.SpanMinute, now.Add(-minutesLife).Truncate(time.Hour)).
			Delete(&minutes).Error
		if err != nil {
			return err
		}
		if hours := sumHours(minutes); len(hours) > 0 {
			if err := tx.Clauses(clause.OnConflict{DoNothing: true}).CreateInBatches(hours, 500).Error; err != nil {
				return err
			}
		}
		return tx.Where("span = ? AND at < ?", tenants.SpanHour, now.Add(-hoursLife)).Delete(&tenants.TrafficCount{}).Error
	})
	if err != nil {
		return fmt.Errorf("add up counts of requests: %w", err)
	}
	return nil
}

// sumHours adds up minutes to hours. Each hour has a row for all requests, one for each server, and one for each of its
// busiest tenants.
func sumHours(minutes []tenants.TrafficCount) (rows []tenants.TrafficCount) {
	hours := map[time.Time]map[string]*counts{}
	for i := range minutes {
		at := minutes[i].At.UTC().Truncate(time.Hour)
		if hours[at] == nil {
			hours[at] = map[string]*counts{}
		}
		sum := hours[at][minutes[i].TenantID]
		if sum == nil {
			sum = &counts{}
			hours[at][minutes[i].TenantID] = sum
		}
		sum.add(countsOf(&minutes[i]))
	}
	for at, sums := range hours {
		var busiest []tenants.TrafficCount
		for id, c := range sums {
			hour := tenants.TrafficCount{
				Span: tenants.SpanHour, At: at, TenantID: id, Requests: int64(c.requests), Failed: int64(c.failed), Took: textOf(&c.took),
			}
			if id == "" || strings.HasPrefix(id, serverMark) {
				rows = append(rows, hour)
			} else {
				busiest = append(busiest, hour)
			}
		}
		slices.SortFunc(busiest, byRequests)
		rows = append(rows, busiest[:min(Archived, len(busiest))]...)
	}
	return rows
}
