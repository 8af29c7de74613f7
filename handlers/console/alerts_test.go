package console_test

import (
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/traffic"
)

// TestOverviewShowsAlerts, each with a link to its subject.
func TestOverviewShowsAlerts(t *testing.T) {
	t.Parallel()
	s := small(t)
	acme := s.Tenant(t, "acme")
	s.get(t, "/").expect(t, 200, "", "What each of them means")
	for range 20 {
		s.traffic.Record(traffic.Request{TenantID: acme.ID, Tenant: "acme", Failed: true, Took: time.Second})
	}
	err := s.Store.Master().Update(t.Context(), func(tx *gorm.DB) error {
		return tx.Model(&tenants.Operation{}).Where("tenant_id = ?", acme.ID).
			UpdateColumns(map[string]any{"finished_at": nil, "updated_at": time.Now().UTC().Add(-time.Hour)}).Error
	})
	if err != nil {
		t.Fatal(err)
	}
	s.get(t, "/").expect(t, 200, `href="/manual/observing"`, "Tenant failing</strong> <a href=\"/tenants/acme\">acme</a>: 20 of 20 requests failed",
		`Operation stuck</strong> <a href="/operations?tenant=acme&amp;unfinished=true">acme</a>: create has not finished`)
}
