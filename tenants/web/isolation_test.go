package web_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"tenantry/tenants/tenantstest"
	"tenantry/tenants/tenantstest/notes"
	"tenantry/tenants/web"
)

// TestNoForeignRow sends 200 clients' requests over 6 tenants at 2 handles, so
// that handles are evicted and opened all the time. Each tenant's rows bear its
// name: a row of another tenant would show. Some clients leave early, some
// requests fail.
func TestNoForeignRow(t *testing.T) {
	t.Parallel()
	for _, engine := range tenantstest.Engines() {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			env := tenantstest.New(t, tenantstest.Options{Engine: engine, MaxOpen: 2, Wait: time.Minute})
			names := make([]string, 6)
			for i := range names {
				names[i] = fmt.Sprintf("tenant-%c", 'a'+i)
				env.Tenant(t, names[i])
			}
			s := newSite(t, env, web.ScopeOptions{Timeout: time.Minute}, addAndList)
			var group sync.WaitGroup
			for client := range 200 {
				group.Go(func() {
					for i := range 4 {
						mixedRequest(t, s, names[(client+i*5)%len(names)], client, i)
					}
				})
			}
			group.Wait()
		})
	}
}

// addAndList adds a folder named after the host and answers all names.
func addAndList(c *gin.Context) {
	tx := web.Tx(c)
	if c.Request.Method == http.MethodPost {
		name := fmt.Sprintf("%s/%s", web.From(c).Subdomain, c.Query("n"))
		if err := addFolder(tx, name); err != nil {
			_ = c.Error(err)
			return
		}
		if c.Query("fail") != "" {
			c.String(http.StatusConflict, "")
			return
		}
	}
	var names []string
	if err := tx.Model(&notes.Folder{}).Pluck("name", &names).Error; err != nil {
		_ = c.Error(err)
		return
	}
	c.String(http.StatusOK, strings.Join(names, "\n"))
}

func mixedRequest(t *testing.T, s *site, tenant string, client, i int) {
	method, query := http.MethodGet, ""
	if client%2 == 0 {
		method, query = http.MethodPost, fmt.Sprintf("?n=%d-%d", client, i)
	}
	if client%10 == 0 {
		query += "&fail=1"
	}
	r := httptest.NewRequestWithContext(t.Context(), method, "/"+query, nil)
	r.Host = tenant + ".localhost"
	recorder := httptest.NewRecorder()
	s.router.ServeHTTP(recorder, r)
	if recorder.Code != http.StatusOK && client%10 != 0 {
		t.Errorf("%s at %s: %d", method, tenant, recorder.Code)
	}
	for name := range strings.SplitSeq(recorder.Body.String(), "\n") {
		if name != "" && !strings.HasPrefix(name, tenant+"/") {
			t.Errorf("%s reads %q", tenant, name)
		}
		if strings.HasSuffix(name, "0-0") && strings.Contains(name, "/10-") {
			t.Errorf("%s reads %q, which was rolled back", tenant, name)
		}
	}
}
