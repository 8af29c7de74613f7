package tenants_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"tenantry/models"
	"tenantry/tenants"
	"tenantry/tenants/tenantstest"
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
			s := newSite(t, env, tenants.ScopeOptions{Timeout: time.Minute}, addAndList)
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

// addAndList adds a project named after the host and answers all names.
func addAndList(c *gin.Context) {
	tx := tenants.Tx(c)
	if c.Request.Method == http.MethodPost {
		name := fmt.Sprintf("%s/%s", tenants.From(c).Subdomain, c.Query("n"))
		if err := addProject(tx, name); err != nil {
			_ = c.Error(err)
			return
		}
		if c.Query("fail") != "" {
			c.String(http.StatusConflict, "")
			return
		}
	}
	var names []string
	if err := tx.Model(&models.Project{}).Pluck("name", &names).Error; err != nil {
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

// TestEvictionsLeaveNothing opens and evicts a thousand handles.
func TestEvictionsLeaveNothing(t *testing.T) {
	const evictions, warmUp = 1000, 20
	for _, engine := range tenantstest.Engines() {
		t.Run(string(engine), func(t *testing.T) {
			env := tenantstest.New(t, tenantstest.Options{Engine: engine, MaxOpen: 1})
			pair := []*tenants.Tenant{env.Tenant(t, "acme"), env.Tenant(t, "globex")}
			use := func(i int) {
				err := env.Store.Update(t.Context(), pair[i%2], func(tx *gorm.DB) error {
					return tx.Exec("UPDATE projects SET name = name").Error
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			for i := range warmUp {
				use(i)
			}
			goroutines, descriptors := runtime.NumGoroutine(), openDescriptors(t)
			for i := range evictions {
				use(i)
			}
			settle(t, "goroutines", goroutines, runtime.NumGoroutine)
			settle(t, "descriptors", descriptors, func() int { return openDescriptors(t) })
		})
	}
}

// settle waits until a count is back at its beginning: what was closed last may
// still be on its way.
func settle(t *testing.T, what string, begin int, count func() int) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for count() > begin {
		if time.Now().After(deadline) {
			t.Fatalf("%s: %d at the beginning, %d at the end", what, begin, count())
		}
		runtime.Gosched()
	}
}

// openDescriptors is how many descriptors this process has open.
func openDescriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skipf("descriptors can be counted only where /proc is: %v", err)
	}
	count := 0
	for _, entry := range entries {
		// A busy master opens another connection, and keeps it while it is used.
		file, _ := os.Readlink("/proc/self/fd/" + entry.Name())
		if !strings.HasPrefix(filepath.Base(file), "master.db") {
			count++
		}
	}
	return count
}
