package apptest_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"gorm.io/gorm"

	"tenantry/app"
	"tenantry/app/apptest"
	"tenantry/models"
	"tenantry/tenants"
	"tenantry/tenants/jobs"
)

// TestClient signs people in to two tenants, on rows of fixtures, and drains a tenant's jobs.
func TestClient(t *testing.T) {
	t.Parallel()
	apptest.Each(t, app.Options{}, func(t *testing.T, a *apptest.App) {
		a.Load(t, "globex", fstest.MapFS{
			"1_projects.json": {Data: []byte(`[{"id":7,"name":"Office","description":"","archived":false,"created_at":"2026-01-02T03:04:05Z","updated_at":"2026-01-02T03:04:05Z"}]`)},
			"2_tasks.json": {Data: []byte(`[{"project_id":7,"title":"Order chairs","status":"todo","due_on":"2090-05-10","position":1,
				"created_at":"2026-01-02T03:04:05Z","updated_at":"2026-01-02T03:04:05Z"}]`)},
		})
		admin, member := a.Client(t, "globex", apptest.Email), a.Client(t, "globex", "grace@globex.example")
		again := a.Client(t, "globex", "grace@globex.example")
		for _, one := range []struct {
			client           *http.Client
			path, want, body string
			status           int
		}{
			{admin, "/api/me", `"role":"admin"`, "", 200}, {member, "/api/me", `"email":"grace@globex.example"`, "", 200}, {again, "/api/me", `"role":"member"`, "", 200},
			{member, "/api/projects/7/tasks", "Order chairs", "", 200}, {member, "http://acme.localhost/api/me", "unauthenticated", "", 401},
			{a.Client(t, apptest.Subdomain, apptest.Email), "/api/projects", `"items":[]`, "", 200},
			{member, "/api/projects", `"id":8`, `{"name":"Garden"}`, 201}, {member, "/api/projects/7/tasks", `"due_on":"2090-05-11"`, `{"title":"Sit","due_on":"2090-05-11"}`, 201},
		} {
			reply, err := one.client.Get(one.path)
			if one.body != "" {
				reply, err = one.client.Post(one.path, "application/json", strings.NewReader(one.body))
			}
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(reply.Body)
			if err != nil || reply.StatusCode != one.status || !strings.Contains(string(text), one.want) {
				t.Errorf("%s %s: %d %s, %v", one.path, one.body, reply.StatusCode, text, err)
			}
		}
		count := func(model any) (n int64) {
			if err := a.Store().View(t.Context(), a.Tenant(t, "globex"), func(tx *gorm.DB) error { return tx.Model(model).Count(&n).Error }); err != nil {
				t.Fatal(err)
			}
			return n
		}
		a.Drain(t, "globex") // what invitations need, such as mail; the reminder is in the future
		waiting, before := count(&jobs.Row{}), count(&models.Activity{})
		err := a.Store().Update(t.Context(), a.Tenant(t, "globex"), func(tx *gorm.DB) error {
			tenants.MarkDue(tx, time.Now())
			return tx.Model(&jobs.Row{}).Where("kind = 'tasks.remind'").Update("scheduled_at", time.Now().UTC().Add(-time.Hour)).Error
		})
		if err != nil {
			t.Fatal(err)
		}
		a.Drain(t, "globex")
		if left, after := count(&jobs.Row{}), count(&models.Activity{}); waiting == 0 || left >= waiting || after <= before {
			t.Errorf("jobs: %d, then %d; activities: %d, then %d", waiting, left, before, after)
		}
	})
}
