package handlers

import (
	"context"
	"fmt"

	"gorm.io/gorm"

	"tenantry/handlers/account"
	"tenantry/tenants/jobs"

	"example.com/addressbook/models"
)

// compare is a job that looks for contacts with the telephone of a new one.
type compare struct {
	ContactID int64 `json:"contact_id"`
}

// Kind is "contacts.compare".
func (compare) Kind() string { return "contacts.compare" }

// Jobs returns the workers of the application's jobs.
func Jobs() *jobs.Workers {
	w := jobs.NewWorkers()
	jobs.Register(w, findTwins, jobs.Work{})
	return w
}

// findTwins records who has the same telephone as the job's contact.
func findTwins(_ context.Context, tx *gorm.DB, job *jobs.Job[compare]) error {
	var contacts []models.Contact
	err := tx.Where("phone = (SELECT phone FROM contacts WHERE id = ?)", job.Args.ContactID).Order("id").Limit(2).Find(&contacts).Error
	if err != nil || len(contacts) < 2 {
		return err
	}
	first, other := contacts[0], contacts[1]
	subject := account.Subject{Kind: "contact", ID: first.ID, Name: first.Name}
	return account.Record(tx, nil, subject, "twin", fmt.Sprintf("found “%s” and “%s” at the same telephone", first.Name, other.Name))
}
