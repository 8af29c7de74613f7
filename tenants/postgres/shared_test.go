package postgres

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"testing"

	"tenantry/tenants/tenantstest/pgcluster"
)

// TestManyEnginesCloseOneServer starts engines of several installations at
// once, each of which wants to close the same databases.
func TestManyEnginesCloseOneServer(t *testing.T) {
	t.Parallel()
	cluster := pgcluster.New(t)
	root := parsed(t, cluster.URL())
	var starting sync.WaitGroup
	for i := range 12 {
		c := configAt(t, strings.Replace(cluster.URL(), "/postgres?", fmt.Sprintf("/admin%d?", i%4), 1))
		c.MaxConns = 1
		if i < 4 {
			if err := attempt(t, root, root.Database, fmt.Sprintf("CREATE DATABASE admin%d", i)); err != nil {
				t.Fatal(err)
			}
		}
		starting.Go(func() {
			e, err := New(context.Background(), c)
			if err != nil {
				t.Error(err)
				return
			}
			if err := e.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	starting.Wait()
	e := newEngine(t, configAt(t, cluster.URL())) // the provisioner itself is still let in
	open := ask(t, e, "SELECT coalesce(string_agg(datname, ' '), '') FROM pg_database WHERE datallowconn AND has_database_privilege('pg_monitor', oid, 'CONNECT')")
	if open != "" {
		t.Errorf("still open: %s", open)
	}
}

// TestManyCloseOneDatabase has them do it at the same instant, over and over.
func TestManyCloseOneDatabase(t *testing.T) {
	t.Parallel()
	cluster := pgcluster.New(t)
	root := parsed(t, cluster.URL())
	const many, rounds = 6, 15
	pools := make([]*sql.DB, many)
	for i := range pools {
		pools[i] = openAdmin(root)
		defer pools[i].Close()
		if err := pools[i].PingContext(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for range rounds {
		if err := run(t.Context(), pools[0], "GRANT CONNECT ON DATABASE template1 TO PUBLIC"); err != nil {
			t.Fatal(err)
		}
		start := make(chan struct{})
		var closing sync.WaitGroup
		for _, pool := range pools {
			closing.Go(func() {
				<-start
				if err := closeShared(t.Context(), pool, slog.New(slog.DiscardHandler), "template1"); err != nil {
					t.Error(err)
				}
			})
		}
		close(start)
		closing.Wait()
		if open, err := findShared(t.Context(), pools[0], []string{"template1"}); err != nil || len(open) != 0 {
			t.Errorf("still open: %v, %v", open, err)
		}
	}
}

// TestProvisionerThatOwnsNothing connects to a database of another role, and
// must not revoke its own access.
func TestProvisionerThatOwnsNothing(t *testing.T) {
	t.Parallel()
	cluster := pgcluster.New(t)
	u, err := url.Parse(ordinary(t, cluster))
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/postgres"
	var log bytes.Buffer
	c := configAt(t, u.String())
	c.Log = slog.New(slog.NewTextHandler(&log, nil))
	e := newEngine(t, c)
	const want = `GRANT CONNECT ON DATABASE "postgres" TO "provisioner"; REVOKE CONNECT ON DATABASE "postgres" FROM PUBLIC;`
	if got := strings.ReplaceAll(log.String(), `\"`, `"`); !strings.Contains(got, want) {
		t.Fatalf("the log says %s", got)
	}
	root := parsed(t, cluster.URL())
	if err := attempt(t, root, root.Database, want); err != nil {
		t.Fatal(err)
	}
	wantUsable(t, handle(t, e, made(t, newEngine(t, c))))
}
