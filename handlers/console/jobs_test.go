package console_test

import (
	"strings"
	"testing"

	"gorm.io/gorm"

	"tenantry/handlers/mail"
	"tenantry/tenants/jobs"
)

// TestJobs: the page of a tenant's failed jobs says why, opens messages that wait for an operator, and runs jobs again.
func TestJobs(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		tenant := s.Tenant(t, "acme")
		s.get(t, "/tenants/acme").expect(t, 200, `href="/tenants/acme/jobs"`)
		s.get(t, "/tenants/acme/jobs").expect(t, 200, "None. Jobs that still have attempts")
		s.get(t, "/tenants/nobody/jobs").expect(t, 404)
		var rows []jobs.Row
		err := s.Store.Update(t.Context(), tenant, func(tx *gorm.DB) error {
			for _, m := range []mail.Message{{Name: "test", UserID: 1}, {Name: "test"}} {
				if err := mail.Enqueue(tx, m, ""); err != nil {
					return err
				}
			}
			if err := tx.Model(&jobs.Row{}).Where("1 = 1").Updates(map[string]any{"state": jobs.Discarded, "attempt": 3, "error": "no <server>"}).Error; err != nil {
				return err
			}
			return tx.Order("id").Find(&rows).Error
		})
		if err != nil || len(rows) != 2 {
			t.Fatalf("%d jobs, %v", len(rows), err)
		}
		r := s.get(t, "/tenants/acme/jobs").expect(t, 200, "mail.send", "no &lt;server&gt;", "Open the message")
		if strings.Contains(r.body, "token=T") || strings.Contains(r.body, "ida@acme.test") {
			t.Errorf("a message is shown without being opened: %s", r.body)
		}
		for i, row := range rows {
			if over := strings.Contains(row.Args, "user_id"); over {
				s.post(t, "/tenants/acme/jobs/open", "id", row.ID).expect(t, 200, "ida@acme.test", "Your &lt;password&gt;", "https://acme.test/invitation?token=T")
			} else {
				s.post(t, "/tenants/acme/jobs/open", "id", row.ID).expect(t, 409, "isn’t valid any more")
			}
			s.post(t, "/tenants/acme/jobs/retry", "id", row.ID).leads(t, "/tenants/acme/jobs")
			left, _, err := jobs.List(t.Context(), s.Store, tenant, jobs.Discarded, "", 10)
			if err != nil || len(left) != 1-i {
				t.Errorf("left: %+v, %v", left, err)
			}
		}
		s.post(t, "/tenants/acme/jobs/open", "id", rows[0].ID).expect(t, 404)
		if body := s.get(t, "/operations?kind=retry").body; strings.Count(body, "<td>Retry jobs</td>") != 2 {
			t.Errorf("the ledger: %s", body)
		}
	})
}
