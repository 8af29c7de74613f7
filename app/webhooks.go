package app

import (
	"context"
	"errors"

	"tenantry/tenants/jobs"
	"tenantry/tenants/webhooks"
)

func (c Config) readWebhooks(s *settings) error {
	if c.WebhookURL == "" && c.WebhookSecret == "" {
		return nil
	}
	target, err := webhooks.ParseTarget(string(c.WebhookURL), string(c.WebhookSecret))
	var wrong []error
	for _, setting := range []struct {
		name, other string
		value       Secret
		bad         error
		want        string
	}{
		{webhookURL, webhookSecret, c.WebhookURL, webhooks.ErrURL, webhooks.WantURL},
		{webhookSecret, webhookURL, c.WebhookSecret, webhooks.ErrSecret, webhooks.WantSecret + "; make one with: echo whsec_$(head -c 32 /dev/urandom | base64)"},
	} {
		if !errors.Is(err, setting.bad) {
			continue
		}
		fault := "can't be used"
		if setting.value == "" {
			fault = "is not set, and " + name(setting.other) + " is"
		}
		wrong = append(wrong, &SettingError{setting.name, fault, setting.want})
	}
	s.webhooks = &target
	return errors.Join(wrong...)
}

// runWebhooks delivers webhooks until ctx ends, if they are set.
func (a *App) runWebhooks(ctx context.Context) {
	if a.settings.webhooks == nil {
		return
	}
	workers := webhooks.NewSender(*a.settings.webhooks, webhooks.Options{Program: a.options.Program}).Workers()
	jobs.New(a.store, workers, jobs.Config{Log: a.log, Counts: &a.jobCounts}).RunInMaster(ctx)
}

// beginWebhooks makes operations that end from now on leave deliveries. Without the settings it ends that, unless another
// process that serves has them.
func (a *App) beginWebhooks(ctx context.Context) error {
	if a.settings.webhooks != nil {
		return a.enlist(ctx)
	}
	dropped, err := a.store.EndWebhooks(ctx)
	if dropped > 0 {
		a.log.WarnContext(ctx, "webhooks that waited were dropped: no process has "+EnvName(webhookURL), "webhooks", dropped)
	}
	return err
}

// enlist records that this process delivers webhooks, once for each time that it joins the others anew. Only one goroutine
// may call it at a time.
func (a *App) enlist(ctx context.Context) error {
	id := a.store.Process().ID()
	if a.settings.webhooks == nil || a.enlisted == id {
		return nil
	}
	err := a.store.SendWebhooks(ctx)
	if err == nil {
		a.enlisted = id
	}
	return err
}
