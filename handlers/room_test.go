package handlers_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"tenantry/models"
	"tenantry/tenants"
	"tenantry/tenants/tenantstest"
)

// TestAFullTenantCanBeCleared writes until there is no room, and then deletes,
// signs in and writes again, while another tenant is none the worse.
func TestAFullTenantCanBeCleared(t *testing.T) {
	t.Parallel()
	for engine, maxSize := range map[tenantstest.Engine]int64{tenantstest.SQLite: 2 << 20, tenantstest.Postgres: 12 << 20} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			env := tenantstest.New(t, tenantstest.Options{Schema: models.Workspace(), Engine: engine, Log: newLog(t).logger(), MaxSize: maxSize})
			a := newAPI(t, env.Store, env.Tenant(t, "acme"))
			other := newAPI(t, env.Store, env.Tenant(t, "globex"))
			project := a.create(t, "/api/projects", `{"name":"Large"}`)
			path := fmt.Sprintf("/api/projects/%d", project)
			sheet := "title\n" + strings.Repeat(strings.Repeat("long ", 38)+"task\n", 1000) // 200 KB
			status, problem := 0, ""
			for i := 0; status != http.StatusInsufficientStorage; i++ {
				reply := a.send(t, "POST", path+"/tasks/import", sheet, "Content-Type", "text/csv")
				problem = reply.Body.String()
				if status = reply.Code; i > 100 || status != http.StatusCreated && status != http.StatusInsufficientStorage {
					t.Fatalf("import %d: %d %s", i, reply.Code, reply.Body)
				}
			}
			if !strings.Contains(problem, "problem:tenant-full") {
				t.Errorf("the full tenant: %s", problem)
			}
			other.must(t, http.StatusCreated, "POST", "/api/projects", `{"name":"Small"}`)
			a.must(t, http.StatusOK, "GET", path, "")
			if got := a.try(t, "admin@acme.test", password, "192.0.2.1"); got != http.StatusCreated {
				t.Errorf("sign in: %d", got)
			}
			a.must(t, http.StatusNoContent, "DELETE", path, "")
			if engine == tenantstest.SQLite { // Postgres gives room back at VACUUM
				a.must(t, http.StatusCreated, "POST", "/api/projects", `{"name":"Next"}`)
			}
		})
	}
}

// TestWritesStopBeforeTheDiskIsFull asks for more free space than there is.
func TestWritesStopBeforeTheDiskIsFull(t *testing.T) {
	t.Parallel()
	env := tenantstest.New(t, tenantstest.Options{Schema: models.Workspace(), Engine: tenantstest.SQLite, Log: newLog(t).logger()})
	a := newAPI(t, env.Store, env.Tenant(t, "acme"))
	a.create(t, "/api/projects", `{"name":"First"}`)
	full, err := tenants.New(t.Context(), tenants.Options{
		Master: env.Store.Master(), Servers: map[string]tenants.Engine{tenants.DefaultServer: env.Engine}, MaxOpen: 2, MinFree: 1 << 60,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close(t.Context())
	a.store = full
	a.accounts = a.newAccounts(quickHasher(), false)
	a.mount(t)
	a.must(t, http.StatusOK, "GET", "/api/projects", "")
	if body := a.must(t, http.StatusInsufficientStorage, "POST", "/api/projects", `{"name":"Second"}`); !strings.Contains(body, "storage-full") {
		t.Error(body)
	}
}

// TestOneWriteOverTheBound reaches the tenant's bound in a single write, which
// SQLite refuses in the words that it has for a full disk.
func TestOneWriteOverTheBound(t *testing.T) {
	t.Parallel()
	env := tenantstest.New(t, tenantstest.Options{Schema: models.Workspace(), Engine: tenantstest.SQLite, Log: newLog(t).logger(), MaxSize: 512 << 10})
	a := newAPI(t, env.Store, env.Tenant(t, "acme"))
	path := fmt.Sprintf("/api/projects/%d/tasks/import", a.create(t, "/api/projects", `{"name":"Large"}`))
	sheet := "title\n" + strings.Repeat(strings.Repeat("long ", 38)+"task\n", 4000)
	reply := a.send(t, "POST", path, sheet, "Content-Type", "text/csv")
	if reply.Code != http.StatusInsufficientStorage || !strings.Contains(reply.Body.String(), "problem:tenant-full") {
		t.Errorf("%d %s", reply.Code, reply.Body)
	}
}
