package handlers_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/handlers"
	"tenantry/models"
	"tenantry/tenants"
	"tenantry/tenants/jobs"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/tenantstest/wait"
)

// TestReminders: the day before tasks are due, the activity says so of those that are not done. There is one job for
// each day to come.
func TestReminders(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		day := func(days int) string { return models.DateOf(time.Now().UTC().AddDate(0, 0, days)).String() }
		a.create(t, "/api/projects", `{"name":"Office"}`)
		a.create(t, "/api/projects/1/tasks", fmt.Sprintf(`{"title":"Order chairs","due_on":%q}`, day(10)))
		a.create(t, "/api/projects/1/tasks", fmt.Sprintf(`{"title":"Order desks","due_on":%q,"status":"done"}`, day(10)))
		a.create(t, "/api/projects/1/tasks", fmt.Sprintf(`{"title":"Pay","due_on":%q}`, day(0)))
		a.must(t, 200, "PATCH", "/api/tasks/3", fmt.Sprintf(`{"due_on":%q}`, day(20)))
		a.must(t, 201, "POST", "/api/projects/1/tasks/import", "title,due_on\nLamps,"+day(10)+"\nRugs,"+day(30)+"\n", "Content-Type", "text/csv")
		a.update(t, func(tx *gorm.DB) error {
			var rows []jobs.Row
			if err := tx.Order("scheduled_at").Find(&rows).Error; err != nil {
				return err
			}
			if len(rows) != 3 || rows[0].ScheduledAt.UTC().Format("2006-01-02 15:04") != day(9)+" 07:00" {
				t.Errorf("jobs: %+v", rows)
			}
			tenants.MarkDue(tx, time.Now())
			return tx.Model(&rows[0]).Update("scheduled_at", time.Now().UTC().Add(-time.Hour)).Error
		})
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			jobs.New(a.store, handlers.Jobs(), jobs.Config{Log: slog.New(slog.DiscardHandler)}).Run(ctx)
		}()
		defer func() { stop(); <-ended }()
		said := wait.For(t, "reminders", func() (said []string) {
			a.view(t, func(tx *gorm.DB) error {
				return tx.Model(&models.Activity{}).Where("action = 'task.due'").Order("id").Pluck("summary", &said).Error
			})
			return said
		}, func(said []string) bool { return len(said) > 0 })
		if len(said) != 2 || said[0] != "reminded of task “Order chairs”, due on "+day(10) || said[1] != "reminded of task “Lamps”, due on "+day(10) {
			t.Errorf("activity: %q", said)
		}
	})
}

// TestRemindersInTheTenantsZone are due at seven o'clock there.
func TestRemindersInTheTenantsZone(t *testing.T) {
	t.Parallel()
	eachEnv(t, func(t *testing.T, env *tenantstest.Env) {
		env.Tenant(t, "acme")
		acme, err := env.Lifecycle.SetSettings(t.Context(), "ada", "acme", env.Store.ReadSettings(map[string]string{"time_zone": "Asia/Tokyo"}))
		if err != nil {
			t.Fatal(err)
		}
		a := newAPI(t, env.Store, acme)
		a.create(t, "/api/projects", `{"name":"Office"}`)
		a.create(t, "/api/projects/1/tasks", `{"title":"Order chairs","due_on":"2090-05-10"}`)
		a.view(t, func(tx *gorm.DB) error {
			var row jobs.Row
			err := tx.Take(&row).Error
			if at := row.ScheduledAt.UTC().Format(time.RFC3339); at != "2090-05-08T22:00:00Z" {
				t.Errorf("the job is due at %s", at)
			}
			return err
		})
	})
}
