package handlers

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"

	"tenantry/handlers/account"
	"tenantry/models"
	"tenantry/tenants"
	"tenantry/tenants/jobs"
)

// Jobs returns the workers of the work tracker's jobs.
func Jobs() *jobs.Workers {
	w := jobs.NewWorkers()
	jobs.Register(w, remind, jobs.Work{})
	jobs.Register(w, mailAssigned, jobs.Work{})
	return w
}

// reminder is a job that records which tasks are due on a day, at reminderHour of the day before.
type reminder struct {
	DueOn models.Date `json:"due_on"`
}

const (
	// reminderHour is in the tenant's time zone.
	reminderHour = 7
	// maxReminders bounds the reminders of a day.
	maxReminders = 200
)

// Kind is "tasks.remind".
func (reminder) Kind() string { return "tasks.remind" }

// planReminder makes the tasks' days be remembered. There is one job for each day, however many tasks are due.
func planReminder(tx *gorm.DB, tasks ...models.Task) error {
	planned := map[models.Date]bool{}
	for _, t := range tasks {
		if t.DueOn == nil || planned[*t.DueOn] {
			continue
		}
		planned[*t.DueOn] = true
		at := reminderAt(*t.DueOn, tenants.Zone(tx))
		if at.Before(time.Now()) {
			continue
		}
		if err := jobs.Enqueue(tx, reminder{*t.DueOn}, jobs.Options{ScheduledAt: at, UniqueKey: t.DueOn.String()}); err != nil {
			return err
		}
	}
	return nil
}

// reminderAt is when a day's tasks are remembered.
func reminderAt(day models.Date, zone *time.Location) time.Time {
	year, month, before := day.Time().AddDate(0, 0, -1).Date()
	return time.Date(year, month, before, reminderHour, 0, 0, 0, zone)
}

// remind records the tasks that are due on the job's day and not done, unless their project is archived, and has their assignees
// written to.
func remind(_ context.Context, tx *gorm.DB, job *jobs.Job[reminder]) error {
	var tasks []models.Task
	err := dueTasks(tx).Where("due_on = ?", job.Args.DueOn).Limit(maxReminders).Find(&tasks).Error
	if err != nil {
		return err
	}
	for _, t := range tasks {
		summary := fmt.Sprintf("reminded of task “%s”, due on %s", t.Title, job.Args.DueOn)
		if err := account.Record(tx, nil, taskSubject(t), "due", summary); err != nil {
			return err
		}
	}
	return mailDue(tx, job.Args.DueOn, tasks)
}

// dueTasks selects the tasks that are not done, unless their project is archived, by id.
func dueTasks(tx *gorm.DB) *gorm.DB {
	return tx.Where("status <> ?", models.StatusDone).Where("project_id IN (SELECT id FROM projects WHERE NOT archived)").Order("id")
}
