package document

import (
	"time"

	"tenantry/tenants"
	"tenantry/tenants/jobs"
)

// Job is a job as JSON, without its arguments, which are the tenant's data.
type Job struct {
	ID          string     `json:"id"`
	Kind        string     `json:"kind"`
	State       jobs.State `json:"state"`
	Schedule    string     `json:"schedule"`
	Attempt     int64      `json:"attempt"`
	Error       string     `json:"error"`
	ScheduledAt time.Time  `json:"scheduled_at"`
	CreatedAt   time.Time  `json:"created_at"`
}

// Jobs returns a page of jobs.
func Jobs(page []jobs.Row, next string) List[Job] {
	all := make([]Job, len(page))
	for i, row := range page {
		all[i] = Job{row.ID, row.Kind, row.State, row.Schedule, row.Attempt, row.Error, row.ScheduledAt.UTC(), row.CreatedAt.UTC()}
	}
	return ListOf(all, next)
}

// Due is a tenant with jobs as JSON. Process is the name of the process that takes care of them, or empty.
type Due struct {
	TenantID  string        `json:"tenant_id"`
	Subdomain string        `json:"subdomain"`
	State     tenants.State `json:"state"`
	At        time.Time     `json:"at"`
	Process   string        `json:"process"`
}

// DueOf returns the list of tenants with jobs.
func DueOf(found []tenants.DueTenant) List[Due] {
	all := make([]Due, len(found))
	for i, d := range found {
		all[i] = Due{d.TenantID, d.Subdomain, d.State, d.At.UTC(), d.Process}
	}
	return ListOf(all, "")
}
