package handlers_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5"
	"gorm.io/gorm"

	"tenantry/handlers/request"
	"tenantry/models"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/tenantstest/pgcluster"
	"tenantry/tenants/tenantstest/pgproxy"
	"tenantry/tenants/web"
)

// TestFailedCommit has handlers answer 201 and COMMIT fail: a client on a real
// connection must read a 5xx, no word of the driver, and nothing is stored.
func TestFailedCommit(t *testing.T) {
	t.Parallel()
	t.Run("deferred foreign key", func(t *testing.T) {
		t.Parallel()
		eachAPI(t, func(t *testing.T, a *api) {
			a.alter(t, "CREATE TABLE parents (id bigint PRIMARY KEY)")
			a.alter(t, "CREATE TABLE children (parent_id bigint REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED)")
			a.failCommit(t, http.StatusInternalServerError, func(tx *gorm.DB) error {
				return tx.Exec("INSERT INTO children VALUES (42)").Error
			})
		})
	})
	t.Run("killed backend", func(t *testing.T) {
		t.Parallel()
		server := pgcluster.URL(t)
		env := tenantstest.New(t, tenantstest.Options{Schema: models.Workspace(), Engine: tenantstest.Postgres})
		a := newAPI(t, env.Store, env.Tenant(t, "acme"))
		a.failCommit(t, http.StatusServiceUnavailable, func(tx *gorm.DB) error {
			var backend int
			if err := tx.Raw("SELECT pg_backend_pid()").Scan(&backend).Error; err != nil {
				return err
			}
			return kill(server, backend)
		})
	})
}

// TestUnknownCommit cuts the connection while COMMIT is under way. Programs and
// browsers read that the outcome is unknown, and nothing that has them send the
// request again.
func TestUnknownCommit(t *testing.T) {
	t.Parallel()
	proxy := pgproxy.New(t, pgcluster.URL(t))
	env := tenantstest.New(t, tenantstest.Options{Schema: models.Workspace(), Engine: tenantstest.Postgres, Through: proxy.Through})
	a := newAPI(t, env.Store, env.Tenant(t, "acme"))
	for _, delivered := range []bool{false, true} {
		proxy.Arm(a.tenant.Database)
		go func() {
			at := <-proxy.Commits
			proxy.Arm("")
			if delivered {
				at.Deliver()
			}
			at.Cut()
		}()
		reply := a.send(t, http.MethodPost, "/api/projects", `{"name":"a"}`)
		checkProblem(t, "unknown", reply)
		if reply.Code != 500 || !strings.Contains(reply.Body.String(), web.ProblemType+`commit-unknown"`) {
			t.Errorf("read %d %s", reply.Code, reply.Body)
		}
		if reply.Header().Get("Retry-After") != "" || strings.Contains(strings.ToLower(reply.Body.String()), "try again") {
			t.Errorf("invites to send it again: %v %s", reply.Header(), reply.Body)
		}
	}
}

// alter runs a statement that changes the schema. On Postgres the tenants' role
// may not, and the server's own does.
func (a *api) alter(t *testing.T, statement string) {
	t.Helper()
	engine, err := a.store.Server(a.tenant.Server)
	if err != nil {
		t.Fatal(err)
	}
	if engine.Dialect() == "sqlite" {
		a.update(t, func(tx *gorm.DB) error { return tx.Exec(statement).Error })
		return
	}
	a.env.Alter(t, a.tenant, statement)
}

// failCommit posts to a handler that stores a project, does harm and answers
// 201, and expects the status instead.
func (a *api) failCommit(t *testing.T, status int, harm func(tx *gorm.DB) error) {
	t.Helper()
	a.routes.POST("/harm", request.Do(func(c *gin.Context, tx *gorm.DB) error {
		c.JSON(http.StatusCreated, gin.H{"made": true})
		return errors.Join(tx.Create(&models.Project{Name: "a"}).Error, harm(tx))
	}))
	server := httptest.NewServer(a.router)
	defer server.Close()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/api/harm", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Host = "acme.localhost"
	request.Header.Set("Authorization", "Bearer "+a.admin)
	reply, err := server.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	body, err := io.ReadAll(reply.Body)
	if err != nil {
		t.Fatal(err)
	}
	if reply.StatusCode != status || reply.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("read %s %s", reply.Status, body)
	}
	for _, word := range []string{"made", "FOREIGN", "constraint", "SQLSTATE", "terminat"} {
		if strings.Contains(string(body), word) {
			t.Errorf("read %q in %s", word, body)
		}
	}
	var stored int64
	err = a.store.View(t.Context(), a.tenant, func(tx *gorm.DB) error { return tx.Model(&models.Project{}).Count(&stored).Error })
	if err != nil || stored != 0 {
		t.Errorf("%d projects are stored, %v", stored, err)
	}
}

// kill ends a backend of a server, and returns when it is gone.
func kill(server string, backend int) error {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, "SELECT pg_terminate_backend($1, 10000)", backend)
	return err
}
