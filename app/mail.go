package app

import (
	"context"
	"errors"
	"maps"

	"tenantry/handlers"
	"tenantry/handlers/account"
	"tenantry/handlers/mail"
	"tenantry/tenants"
	"tenantry/tenants/jobs"
)

func (c Config) readMail(s *settings) (err error) {
	if c.SMTPURL == "" && c.MailFrom == "" {
		return nil
	}
	if c.SMTPURL == "" {
		return &SettingError{smtpURL, "is not set, and " + name("mail-from") + " is", mail.WantURL}
	}
	s.mail, err = mail.NewServer(mail.Settings{URL: string(c.SMTPURL), From: c.MailFrom})
	switch {
	case errors.Is(err, mail.ErrFrom):
		return &SettingError{"mail-from", c.MailFrom, mail.WantFrom}
	case err != nil:
		return &SettingError{smtpURL, "can't be read", mail.WantURL}
	}
	return nil
}

// post sends the messages of the accounts and of the work tracker.
func (a *App) post(accounts *account.Accounts) *mail.Post {
	letters := handlers.Letters(accounts.Origin)
	maps.Copy(letters, accounts.Letters())
	return mail.NewPost(a.settings.mail, letters, a.log)
}

// jobs are the workers of the application's jobs, and of mail.
func (a *App) jobs(accounts *account.Accounts) *jobs.Workers {
	workers := a.options.Jobs.Clone()
	a.post(accounts).Register(workers)
	return workers
}

// DrainJobs runs a tenant's jobs that are due, until none is: for an App that doesn't serve, as in tests.
func (a *App) DrainJobs(ctx context.Context, t *tenants.Tenant) error {
	if a.options.Jobs == nil {
		return nil
	}
	return jobs.New(a.store, a.jobs(a.accounts()), jobs.Config{Log: a.log}).Drain(ctx, t)
}
