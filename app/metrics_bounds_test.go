package app_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"tenantry/app"
	"tenantry/app/apptest"
	"tenantry/tenants/alerts"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/traffic"
)

const operatorToken = "sesame-sesame-sesame-sesame-sesame"

// scrape returns the lines of the metrics.
func scrape(t *testing.T, operator http.Handler) []string {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody)
	r.Host = "localhost"
	r.Header.Set("Authorization", "Bearer "+operatorToken)
	w := httptest.NewRecorder()
	operator.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	return strings.Split(w.Body.String(), "\n")
}

// TestMetricsStayFew lets 1,000 tenants have requests, and strangers send what has
// no route: no metric has more series for it.
func TestMetricsStayFew(t *testing.T) {
	t.Parallel()
	at := time.Now()
	a := apptest.New(t, tenantstest.SQLite, app.Options{Now: func() time.Time { return at }})
	public, operator := a.Public(), a.Operator(context.Background(), operatorToken)
	hostile := func(n int) {
		for i := range n {
			for _, target := range []string{fmt.Sprintf("/api/projects/%d", i), fmt.Sprintf("/x%d?y=%d", i, i), fmt.Sprintf("/api/nothing/%d", i)} {
				r := httptest.NewRequestWithContext(t.Context(), fmt.Sprintf("M%d", i), target, http.NoBody)
				if i%3 == 0 {
					r.Method = http.MethodGet
				}
				if r.Host = apptest.Subdomain + "." + a.BaseDomain().String(); i%5 == 0 {
					r.Host = fmt.Sprintf("h%d.example", i)
				}
				public.ServeHTTP(httptest.NewRecorder(), r)
			}
		}
	}
	busy := func(n int) {
		for i := range n {
			for range 1 + i%7 {
				a.Traffic().Record(traffic.Request{TenantID: fmt.Sprint(i), Tenant: fmt.Sprintf("t%d", i), Took: time.Second})
			}
		}
	}
	hostile(20)
	busy(traffic.Tallied)
	few := scrape(t, operator)
	hostile(300)
	for range 3 {
		busy(1000)
		at = at.Add(time.Minute)
	}
	busy(1000)
	many := scrape(t, operator)
	names, requests := 0, 0
	for _, line := range many {
		if strings.HasPrefix(line, "tenantry_tenant_requests_total{") {
			names++
		}
		if strings.Contains(line, "M1") || strings.Contains(line, "x1") || strings.Contains(line, ".example") {
			t.Errorf("a stranger is named: %s", line)
		}
		var n int
		if _, err := fmt.Sscanf(line, `tenantry_tenant_requests_total{tenant="other"} %d`, &n); err == nil {
			requests = n
		}
	}
	if names != traffic.Tallied+1 || requests == 0 {
		t.Errorf("%d tenants are named, and others have %d requests", names, requests)
	}
	if len(many) > len(few)+20 { // the runtime has some that come and go
		t.Errorf("%d lines have become %d", len(few), len(many))
	}
}

// TestManualExplainsAlerts: the manual has a row for each kind.
func TestManualExplainsAlerts(t *testing.T) {
	t.Parallel()
	chapter, err := os.ReadFile("command/help/observing.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range alerts.Kinds() {
		if !strings.Contains(string(chapter), fmt.Sprintf("\n| `%s` | ", kind)) {
			t.Errorf("the manual lacks %s", kind)
		}
	}
}
