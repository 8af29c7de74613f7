package handlers_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"tenantry/handlers/request"
	"tenantry/tenants"
)

func TestUnknownRoutesAndMethods(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		runAll(t, a, []scenario{
			{method: "GET", path: "/nothing", status: 404, contains: []string{"problem:not-found"}},
			{method: "GET", path: "/api/nothing", status: 404},
			{method: "GET", path: "/api/users/1/2", status: 404},
			{method: "PUT", path: "/api/users/1", body: `{}`, status: 405, contains: []string{"problem:method-not-allowed"}},
			{method: "DELETE", path: "/api/activity", status: 405},
		})
		if got := a.send(t, "PUT", "/api/users", "").Header().Get("Allow"); !strings.Contains(got, "GET") || !strings.Contains(got, "POST") {
			t.Errorf("Allow: %q", got)
		}
	})
}

func TestHostsWithoutATenantLookAlike(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		first := ""
		for _, host := range []string{"globex.localhost", "localhost", "www.localhost", "a.acme.localhost", "acme.localhost.evil.com", "127.0.0.1", "", "%2e", "acme_.localhost", "Ácme.localhost"} {
			request := httptest.NewRequestWithContext(t.Context(), "GET", "/api/projects", nil)
			request.Host = host
			reply := httptest.NewRecorder()
			a.router.ServeHTTP(reply, request)
			checkProblem(t, host, reply)
			all := fmt.Sprint(reply.Code, reply.Header(), reply.Body)
			if first == "" {
				first = all
			}
			if reply.Code != 404 || all != first {
				t.Errorf("host %q: %s, want %s", host, all, first)
			}
		}
		if log := a.log.String(); log != "" {
			t.Errorf("logged %q", log)
		}
	})
}

func TestSuspendedTenants(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		err := a.store.Master().Update(t.Context(), func(tx *gorm.DB) error {
			return tx.Model(&tenants.Tenant{}).Where("id = ?", a.tenant.ID).Update("state", tenants.StateSuspended).Error
		})
		if err != nil {
			t.Fatal(err)
		}
		reply := a.send(t, "GET", "/api/projects", "")
		checkProblem(t, "suspended", reply)
		if reply.Code != 403 || !strings.Contains(reply.Body.String(), "problem:suspended") {
			t.Errorf("status %d: %s", reply.Code, reply.Body)
		}
	})
}

func TestFaultsOfOursNameTheTenantInTheLog(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		a.routes.GET("/broken", request.Do(func(_ *gin.Context, tx *gorm.DB) error {
			return tx.Exec("SELECT 1 FROM nowhere").Error
		}))
		a.routes.POST("/swallowed", request.Do(func(c *gin.Context, tx *gorm.DB) error {
			_ = tx.Exec("SELECT 1 FROM nowhere").Error
			c.Status(http.StatusNoContent)
			return nil
		}))
		runAll(t, a, []scenario{
			{method: "GET", path: "/api/broken", status: 500, contains: []string{"problem:internal", "req-1"}, lacks: []string{"nowhere"}},
			{method: "POST", path: "/api/swallowed", status: 500, contains: []string{"problem:internal"}, lacks: []string{"nowhere"}},
		})
		for _, want := range []string{"tenant=acme", "request_id=req-1", "nowhere", "route=/api/broken", "method=POST", "status=500"} {
			if !strings.Contains(a.log.String(), want) {
				t.Errorf("log lacks %q: %s", want, a.log)
			}
		}
	})
}
