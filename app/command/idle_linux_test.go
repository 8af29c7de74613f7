package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"
	"gorm.io/gorm"

	"tenantry/app"
	"tenantry/tenants"
)

// idleCost is what a server costs within idleWindow in which no tenant is used.
type idleCost struct {
	goroutines, descriptors int
	cpu                     time.Duration // user and system
	read                    int64         // bytes that the process read, also from its connections
	transactions, rows      int64         // in the master, and the rows that it looked at; on Postgres
}

const (
	idleWindow = 3 * time.Second
	idleTTL    = "TENANTRY_INSTANCE_TTL=1s" // what a process does regularly it does many times within the window
)

// TestIdleTenantsCostNothing: a server with 10,000 registered tenants, none of them active, costs what one with 10 costs. Some
// had jobs, and some will have some in a year.
func TestIdleTenantsCostNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, few site) {
		many := few.another(t)
		servers := [2]*server{few.serveRegistered(t, 10), many.serveRegistered(t, 10_000)}
		var costs [2]idleCost
		for window := range 5 { // others use the machine, and what a start does can take a while
			before := [2]idleCost{servers[0].cost(t), servers[1].cost(t)}
			time.Sleep(idleWindow) // the test is of what time alone costs
			for i, srv := range servers {
				costs[i] = srv.cost(t).since(before[i])
			}
			t.Logf("window %d: 10 tenants %+v, 10,000 %+v", window, costs[0], costs[1])
			if costs[1].isLike(costs[0]) {
				return
			}
		}
		t.Errorf("10 idle tenants cost %+v, 10,000 cost %+v", costs[0], costs[1])
	})
}

// isLike allows for what differs by chance between two processes.
func (c idleCost) isLike(few idleCost) bool {
	return c.goroutines <= few.goroutines+5 && c.descriptors <= few.descriptors+5 && c.cpu <= 2*few.cpu+50*time.Millisecond &&
		c.read <= 2*few.read+50_000 && c.transactions <= 2*few.transactions+20 && c.rows <= 2*few.rows+2000
}

// since returns the cost since an earlier one. Goroutines and descriptors are those of now.
func (c idleCost) since(before idleCost) idleCost {
	c.cpu -= before.cpu
	c.read -= before.read
	c.transactions -= before.transactions
	c.rows -= before.rows
	return c
}

// another returns another empty installation on the same engine.
func (s site) another(t *testing.T) site {
	t.Helper()
	if url := s.databaseURL(); strings.HasPrefix(url, "postgres") {
		return newPostgres(t)
	}
	return newSQLite(t)
}

// serveRegistered starts a server with that number of tenants, which have no databases.
func (s site) serveRegistered(t *testing.T, n int) *server {
	t.Helper()
	s = s.with(idleTTL)
	s.change(t, func(a *app.App, tx *gorm.DB) error {
		engine := engineOf(a)
		rows := make([]tenants.Tenant, n)
		for i := range rows {
			id := strings.ToLower(ulid.Make().String())
			rows[i] = tenants.Tenant{
				ID: id, Subdomain: fmt.Sprintf("t%d", i), Name: "Idle", State: tenants.StateActive, Server: tenants.DefaultServer, Database: "t_" + id,
				SchemaVersion: engine.Versions().Newest, Epoch: 1, CreatedBy: "operator", CreatedAt: time.Now(), UpdatedAt: time.Now(),
			}
		}
		if err := tx.CreateInBatches(rows, 500).Error; err != nil {
			return err
		}
		var later []string
		for _, row := range rows[:n/2] {
			later = append(later, row.ID)
		}
		if err := tenants.SetDue(tx, time.Now().AddDate(1, 0, 0), later...); err != nil {
			return err
		}
		return tx.Exec("ANALYZE").Error // as the server does by itself after a while
	})
	t.Cleanup(func() { // there is nothing to drop
		s.change(t, func(_ *app.App, tx *gorm.DB) error {
			return errors.Join(tx.Where("true").Delete(&tenants.Tenant{}).Error, tx.Where("true").Delete(&tenants.Due{}).Error)
		})
	})
	return s.spawn(t)
}

// change changes the master while no server runs.
func (s site) change(t *testing.T, f func(a *app.App, tx *gorm.DB) error) {
	t.Helper()
	ctx := context.Background() // also after the test
	a, err := app.New(ctx, s.config(t), s.appOptions())
	if err != nil {
		t.Fatal(err)
	}
	err = a.Store().Master().Update(ctx, func(tx *gorm.DB) error { return f(a, tx) })
	if err := errors.Join(err, a.Close(ctx)); err != nil {
		t.Fatal(err)
	}
}

// cost returns what the server has cost so far.
func (srv *server) cost(t *testing.T) (c idleCost) {
	t.Helper()
	profile := send(t, srv.operator, "GET /debug/pprof/goroutine?debug=1 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"+srv.token(t)+"\r\n")
	if _, err := fmt.Sscanf(profile.body, "goroutine profile: total %d", &c.goroutines); err != nil {
		t.Fatalf("%d %.300s", profile.status, profile.body)
	}
	of := func(name string) string { return fmt.Sprintf("/proc/%d/%s", srv.pid, name) }
	open, err := os.ReadDir(of("fd"))
	if err != nil {
		t.Fatal(err)
	}
	for _, descriptor := range open {
		// A busy master opens another connection, and keeps it while it is used.
		if file, _ := os.Readlink(of("fd/" + descriptor.Name())); !strings.HasPrefix(filepath.Base(file), "master.db") {
			c.descriptors++
		}
	}
	stat, _ := os.ReadFile(of("stat"))
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	for _, ticks := range fields[11:13] { // user and system, in hundredths of a second
		n, err := strconv.ParseInt(ticks, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		c.cpu += time.Duration(n) * 10 * time.Millisecond
	}
	io, _ := os.ReadFile(of("io"))
	if _, err := fmt.Sscanf(string(io), "rchar: %d", &c.read); err != nil {
		t.Fatalf("%s: %v", io, err)
	}
	if url := srv.site.databaseURL(); strings.HasPrefix(url, "postgres") {
		err := connect(t, url).QueryRow(t.Context(), `SELECT xact_commit + xact_rollback, tup_returned FROM pg_stat_database
			WHERE datname = current_database()`).Scan(&c.transactions, &c.rows)
		if err != nil {
			t.Fatal(err)
		}
	}
	return c
}
