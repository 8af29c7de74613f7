package command

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gorm.io/gorm"

	"tenantry/app"
	"tenantry/tenants"
	"tenantry/tenants/tenantstest/wait"
)

// footprint is what an installation takes while it serves and has no tenants but purged ones.
type footprint struct {
	goroutines, descriptors int
	files                   []string // of the data folder, without the trash and what SQLite keeps beside open databases
	rows                    map[string]int64
	trash, purged           int // databases in the trash, and tenants whose data is not removed yet
}

// TestCyclesLeaveNothing: tenants that are created, used, cloned, swapped, restored from the trash and purged, again and again, leave
// nothing that grows but what is meant to: the ledger, the purged tenants with their names, and their databases in the trash.
func TestCyclesLeaveNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s site) {
		s.install(t)
		srv := s.spawn(t)
		cycles := [2]int{5, 20}
		if s.databaseURL() != "" && os.Getenv(envLong) == "" {
			cycles = [2]int{3, 6} // a database costs fifty times as much there
		}
		var found [2]footprint
		done := 0
		for i, until := range cycles {
			for ; done < until; done++ {
				srv.cycle(t, fmt.Sprintf("c%d", done), fmt.Sprintf("d%d", done))
			}
			wait.Until(t, "the handles to be closed", func() bool {
				return strings.Contains(srv.operate(t, "GET", "/api/handles", "").body, `"open":0`)
			})
			found[i] = srv.footprint(t)
		}
		first, last := found[0], found[1]
		t.Logf("after %d cycles %d goroutines, %d descriptors; after %d %d and %d", cycles[0], first.goroutines, first.descriptors, cycles[1], last.goroutines, last.descriptors)
		if last.goroutines > first.goroutines+5 || last.descriptors > first.descriptors+5 || !slices.Equal(first.files, last.files) {
			t.Errorf("after %d cycles %+v, after %d %+v", cycles[0], first, cycles[1], last)
		}
		for table, n := range last.rows {
			switch table {
			case "operations", "tenants", "retired_subdomains": // which are kept
			case "traffic_counts", "process_loads", "connection_shares", "chores": // by minute, process or kind of work, whatever the cycles
			default:
				if n > first.rows[table] {
					t.Errorf("%s had %d rows, and has %d", table, first.rows[table], n)
				}
			}
		}
		if last.purged != 2*cycles[1] || last.trash != last.purged || last.rows["tenants"] != int64(last.purged) {
			t.Errorf("%d databases in the trash, %d purged tenants, %d tenants; want %d", last.trash, last.purged, last.rows["tenants"], 2*cycles[1])
		}
	})
}

// cycle makes two tenants and purges both.
func (srv *server) cycle(t *testing.T, one, two string) {
	t.Helper()
	use := func(subdomain string) {
		if r := srv.get(t, subdomain, "/api/projects"); r.status != http.StatusUnauthorized { // it has no users, and looked for the token
			t.Errorf("use: %d %s", r.status, r.body)
		}
	}
	do := func(method, path, body string) {
		t.Helper()
		if r := srv.operate(t, method, path, body); r.status >= 300 {
			t.Fatalf("%s %s: %d %s", method, path, r.status, r.body)
		}
	}
	do("POST", "/api/tenants", `{"subdomain":"`+one+`"}`)
	use(one)
	do("POST", "/api/tenants/"+one+"/clone", `{"subdomain":"`+two+`"}`)
	use(two)
	do("POST", "/api/tenants/"+one+"/swap", `{"with":"`+two+`"}`)
	use(one)
	for _, subdomain := range []string{one, two} {
		do("DELETE", "/api/tenants/"+subdomain, "")
		do("DELETE", "/api/tenants/"+subdomain+"?purge=true", "")
	}
	do("POST", "/api/tenants/"+one+"/restore", "")
	do("DELETE", "/api/tenants/"+one, "")
	do("DELETE", "/api/tenants/"+one+"?purge=true", "")
}

// footprint measures the server and its installation.
func (srv *server) footprint(t *testing.T) (f footprint) {
	t.Helper()
	cost := srv.cost(t)
	f.goroutines, f.descriptors, f.rows = cost.goroutines, cost.descriptors, map[string]int64{}
	for _, name := range everyFile(t, srv.site.dir) {
		name = strings.TrimPrefix(name, srv.site.dir)
		switch {
		case strings.HasPrefix(name, "/trash/"):
			f.trash++
		case !strings.HasSuffix(name, "-wal") && !strings.HasSuffix(name, "-shm"):
			f.files = append(f.files, filepath.Base(name))
		}
	}
	slices.Sort(f.files)
	var ids []string
	srv.site.change(t, func(a *app.App, tx *gorm.DB) error {
		tables, err := tx.Migrator().GetTables()
		for _, table := range tables {
			var n int64
			err = errors.Join(err, tx.Table(table).Count(&n).Error)
			f.rows[table] = n
		}
		return errors.Join(err, tx.Model(&tenants.Tenant{}).Where("state = ? AND remove_after IS NOT NULL", tenants.StatePurged).Pluck("id", &ids).Error)
	})
	f.purged = len(ids)
	if url := srv.site.databaseURL(); url != "" {
		all := databasesAndRoles(t, url)
		for _, id := range ids { // other tests use the server
			if slices.Contains(all, "database trash_"+id) && !slices.Contains(all, "database t_"+id) {
				f.trash++
			}
		}
	}
	return f
}
