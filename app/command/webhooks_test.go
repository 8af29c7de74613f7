package command

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/document"
	"tenantry/tenants/tenantstest/wait"
	"tenantry/tenants/webhooks"
)

// deliveries are the operations of which a receiver was told, by id.
type deliveries struct {
	url string
	got sync.Map // of webhooks.Event
}

// receiveWebhooks starts a receiver that takes all deliveries.
func receiveWebhooks(t *testing.T) *deliveries {
	t.Helper()
	d := &deliveries{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var e webhooks.Event
		if err == nil {
			err = json.Unmarshal(body, &e)
		}
		if err != nil || e.Data.ID != r.Header.Get("webhook-id") || e.Data.FinishedAt == nil {
			t.Errorf("delivery %s: %v: %s", r.Header.Get("webhook-id"), err, body)
		}
		d.got.Store(e.Data.ID, e)
	}))
	t.Cleanup(server.Close)
	d.url = server.URL + "/hunter2"
	return d
}

const webhookSecret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"

// withWebhooks is the site with the settings that deliver to d.
func (s site) withWebhooks(d *deliveries) site {
	return s.with("TENANTRY_WEBHOOK_URL=" + d.url).with("TENANTRY_WEBHOOK_SECRET=" + webhookSecret)
}

// missing returns the operations that have ended, of which d was not told and of which no delivery waits.
func (d *deliveries) missing(t *testing.T, master *tenants.Master) (all int, missing []tenants.Operation) {
	t.Helper()
	var ended []tenants.Operation
	err := master.View(t.Context(), func(tx *gorm.DB) error {
		all = 0
		if err := tx.Find(&ended, "finished_at IS NOT NULL").Error; err != nil {
			return err
		}
		missing = nil
		for _, o := range ended {
			var waits int64
			if err := tx.Table("jobs").Where("id = ?", o.ID).Count(&waits).Error; err != nil {
				return err
			}
			if _, told := d.got.Load(o.ID); waits == 0 && !told {
				missing = append(missing, o)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return len(ended), missing
}

// TestWebhooks: operations of the server and of commands, which need no settings for it, are delivered by the server, and those of
// commands beside no server by the next one. A server without the settings ends that, and says what it drops.
func TestWebhooks(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s site) {
		d := receiveWebhooks(t)
		told := func(want ...string) {
			t.Helper()
			wait.Until(t, "deliveries of "+strings.Join(want, ", "), func() bool {
				var got []string
				for _, o := range only[document.List[document.Operation]](t, s.must(t, "operations", "--json")).Items {
					if told, ok := d.got.Load(o.ID); ok && told.(webhooks.Event).Type == "operation.succeeded" {
						got = append([]string{string(o.Kind)}, got...)
					}
				}
				return strings.Join(got, " ") == strings.Join(want, " ")
			})
		}
		srv := s.withWebhooks(d).serve(t)
		s.must(t, "tenant", "create", "acme")
		srv.operate(t, "POST", "/api/tenants/acme/suspend", "")
		told("create", "suspend")
		srv.stop(t)
		s.must(t, "tenant", "resume", "acme")
		if out := s.must(t, "jobs", "list", "--master"); !strings.Contains(out, "webhook.deliver") {
			t.Errorf("jobs without tenant: %s", out)
		}
		srv = s.withWebhooks(d).serve(t)
		told("create", "suspend", "resume")
		srv.stop(t)
		for text := range strings.SplitSeq(webhookSecret+" hunter2", " ") {
			if strings.Contains(srv.log.String(), text) {
				t.Errorf("the log has %s: %s", text, srv.log)
			}
		}
		s.must(t, "tenant", "rename", "acme", "apex")
		srv = s.serve(t)
		s.must(t, "tenant", "suspend", "apex")
		if out := s.must(t, "jobs", "list", "--master", "--no-header"); out != "" || !strings.Contains(srv.log.String(), `"webhooks":1`) {
			t.Errorf("jobs without tenant: %s; log: %s", out, srv.log)
		}
	})
}
