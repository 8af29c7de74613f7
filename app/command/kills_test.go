package command

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	"gorm.io/gorm"

	"tenantry/app"
	"tenantry/tenants"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/tenantstest/pgcluster"
	"tenantry/tenants/tenantstest/wait"
)

// killer kills processes that work on the tenants of one installation, beside a
// process that lives on.
type killer struct {
	site  site
	app   *app.App     // lives on
	made  things       // what there is beside tenants' own
	count atomic.Int64 // tenants so far
	home  string       // the server of the tenants
	other string       // the URL of the server that they move to and from
	// schemas is the URL of home's database, if its tenants lie in schemas.
	schemas string
	// source and refused are URLs of databases; the second can't be adopted, which is found out on the way.
	source, refused string
	file            string // the bystander's
	told            *deliveries
}

// victim is a tenant whose command died at a point.
type victim struct {
	scenario
	subdomain, point string
	wanted           []string // how it may look in the end
}

// TestKilledAtEveryPoint kills a process at every point of every kind of
// operation, on tenants of one installation. Once with each way to recover, all
// of them must be as before or finished, and nothing must be left over. The short form leaves doctor a third of the points
// on Postgres, where a victim costs ten times as much as on SQLite: how doctor recovers doesn't depend on the engine. In
// schemas it kills what makes, moves and removes them, at a third of the points.
func TestKilledAtEveryPoint(t *testing.T) {
	t.Parallel()
	for engine, make := range map[string]func(*testing.T) *killer{"sqlite": killOnSQLite, "postgres": killOnPostgres, "schemas": killInSchemas} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			k := make(t)
			for way, recover := range map[string]func(*testing.T, []victim){"serve": k.serve, "doctor": k.doctor} {
				began := time.Now()
				victims := k.victims(t, shareOf(engine, way))
				prepared := time.Now()
				k.kill(t, victims)
				killed := time.Now()
				recover(t, victims)
				k.expectSane(t, victims)
				t.Logf("prepared in %.1f s, %d processes killed in %.1f s; %s recovered, all checked in %.1f s",
					prepared.Sub(began).Seconds(), len(victims), killed.Sub(prepared).Seconds(), way, time.Since(killed).Seconds())
			}
		})
	}
}

// share is the part of the scenarios that a test kills.
type share struct {
	each  int                     // the first of so many points
	kinds []tenants.OperationKind // or all of them
}

// shareOf returns the part for an engine and a way to recover.
func shareOf(engine, way string) share {
	switch {
	case os.Getenv(envLong) != "" || engine == "sqlite":
		return share{each: 1}
	case engine == "schemas":
		return share{3, []tenants.OperationKind{tenants.KindCreate, tenants.KindMove, tenants.KindPurge, tenants.KindRestore, tenants.KindMigrateDown}}
	case way == "doctor":
		return share{each: 3}
	}
	return share{each: 1}
}

func killOnSQLite(t *testing.T) *killer {
	t.Helper()
	k := newKiller(t, newSQLite(t), &killer{})
	folder := t.TempDir()
	file := filepath.Join(folder, "tenants", "refused.db")
	if err := os.Mkdir(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	tenantstest.Alter(t, tenantstest.SQLite, k.site.dir, k.find(t, "bystander"), "VACUUM INTO '"+file+"'")
	tenantstest.Alter(t, tenantstest.SQLite, folder, &tenants.Tenant{Database: "refused.db"}, "PRAGMA foreign_keys = off",
		"INSERT INTO comments (task_id, body, created_at) VALUES (4711, 'of no task', CURRENT_TIMESTAMP)")
	k.refused = "sqlite:" + file
	return k
}

// killOnPostgres has a server of its own, so that everything on it is the
// installation's.
func killOnPostgres(t *testing.T) *killer {
	t.Helper()
	url := pgcluster.New(t).URL()
	conn := connect(t, url)
	for _, statement := range []string{"ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()"} { // it is never stopped
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	k := newKiller(t, onPostgres(t, url), &killer{})
	k.refused = strings.Replace(url, "/postgres?", "/template1?", 1)
	return k
}

// newKiller makes an installation ready for k, whose home defaults to the default server, and other to a folder.
func newKiller(t *testing.T, s site, k *killer) *killer {
	t.Helper()
	k.home, k.other = cmp.Or(k.home, tenants.DefaultServer), cmp.Or(k.other, "sqlite:"+t.TempDir())
	k.told = receiveWebhooks(t)
	k.site = s.withWebhooks(k.told)
	s = k.site
	s.serve(t).stop(t) // makes the operator's token
	k.addServers(t)
	k.app = s.open(t, "--max-open-tenants=20") // the others need connections too
	if err := k.prepare(t.Context(), "create", "bystander"); err != nil {
		t.Fatal(err)
	}
	k.file = filepath.Join(t.TempDir(), "bystander.db")
	s.must(t, "tenant", "export", "bystander", k.file)
	k.source = k.sourceOf(t)
	theirs := k.thingsOf(*k.find(t, "bystander"))
	k.made = slices.DeleteFunc(k.things(t), func(name string) bool { return slices.Contains(theirs, name) })
	return k
}

// addServers adds the servers but for the default one.
func (k *killer) addServers(t *testing.T) {
	t.Helper()
	add := func(name, url string, flags ...string) {
		t.Helper()
		if r := k.site.pipe(t, url+"\n", append([]string{"server", "add", name, "-"}, flags...)...); r.status != exitDone {
			t.Fatalf("add %s: status %d, %s", name, r.status, r.stderr)
		}
	}
	if k.schemas != "" {
		add(k.home, k.schemas, "--placement=schema")
		k.site.must(t, "server", "drain", tenants.DefaultServer)
	}
	add("other", k.other, "--capacity=1000")
	k.site.must(t, "tenant", "create", "resident", "--server=other") // so that home is the emptier one, and gets new tenants
}

// engine returns the engine of the tenants.
func (k *killer) engine() tenants.Engine {
	if k.home == "" {
		return engineOf(k.app)
	}
	engine, err := k.app.Store().Server(k.home)
	if err != nil {
		panic(err) // newKiller has added it
	}
	return engine
}

// subdomain returns a subdomain that no tenant has had before.
func (k *killer) subdomain() string { return fmt.Sprintf("t%d", k.count.Add(1)) }

// several runs f on all of them, a few at once.
func several[T any](t *testing.T, all []T, f func(T) error) {
	t.Helper()
	var running errgroup.Group
	running.SetLimit(4)
	for _, one := range all {
		running.Go(func() error { return f(one) })
	}
	if err := running.Wait(); err != nil {
		t.Fatal(err)
	}
}

// victims are tenants, prepared, one for each point of each scenario of the part.
// Which points there are is seen by passing them all.
func (k *killer) victims(t *testing.T, part share) (all []victim) {
	t.Helper()
	var mu sync.Mutex // guards all
	runnable := slices.DeleteFunc(scenarios(), func(s scenario) bool {
		return s.kind == tenants.KindShell && clientIsMissing(t) || s.sqlite && k.engine().Dialect() != "sqlite" ||
			part.kinds != nil && !slices.Contains(part.kinds, s.kind)
	})
	several(t, runnable, func(s scenario) error {
		passed, err := k.passed(t, s)
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		for i, point := range passed {
			if i%part.each == 0 && s.counts(point, passed) {
				all = append(all, victim{s, k.subdomain(), point, s.wanted(point, passed)})
			}
		}
		return nil
	})
	several(t, all, func(v victim) error { return k.prepare(t.Context(), v.prepare, v.subdomain) })
	return all
}

// passed are the points that a scenario's command passes when it isn't killed.
func (k *killer) passed(t *testing.T, s scenario) (points []string, err error) {
	t.Helper()
	subdomain := k.subdomain()
	if err := k.prepare(t.Context(), s.prepare, subdomain); err != nil {
		return nil, err
	}
	r := k.process(t, s, subdomain, envTellPoints+"=1")
	if points = pointsIn(r.stderr); !slices.Contains(points, string(s.kind)+"/begin/after") {
		return nil, fmt.Errorf("%s passes the points %q: %s", s.command, points, r.stderr)
	}
	return points, nil
}

// pointsIn are the points that a process has told of.
func pointsIn(stderr string) (points []string) {
	for line := range strings.Lines(stderr) {
		if point, ok := strings.CutPrefix(line, pointPrefix); ok {
			points = append(points, strings.TrimSpace(point))
		}
	}
	return points
}

// process runs the scenario's command on that tenant.
func (k *killer) process(t *testing.T, s scenario, subdomain string, environ ...string) ended {
	t.Helper()
	environ = append(environ, envCancelAt+"="+s.cancelAt)
	record := k.app.Manager().ChallengeRecord(subdomain + ".example")
	if value, ok := k.site.txt.values.Load(record); ok {
		environ = append(environ, fmt.Sprintf("%s=%s=%s", envTXT, record, value))
	}
	return k.site.process(t, environ, k.args(s, subdomain)...)
}

// kill runs the victims' commands, and sees that they die.
func (k *killer) kill(t *testing.T, victims []victim) {
	t.Helper()
	several(t, victims, func(v victim) error {
		r := k.process(t, v.scenario, v.subdomain, envKillAt+"="+v.point)
		if !r.killed {
			return fmt.Errorf("%s was not killed at %s: status %d, %s", v.command, v.point, r.status, r.stderr)
		}
		return k.expire(t.Context(), r.pid)
	})
}

// expire has the master forget a dead process, as others do once they count it dead, unless they can see that it has
// ended.
func (k *killer) expire(ctx context.Context, pid int) error {
	if runtime.GOOS == "linux" {
		return nil
	}
	return k.app.Store().Master().Update(ctx, func(tx *gorm.DB) error {
		return tx.Delete(&tenants.Instance{}, "name LIKE ?", fmt.Sprintf("%%, process %d", pid)).Error
	})
}

// serve recovers by a server that starts, and looks how it answers.
func (k *killer) serve(t *testing.T, victims []victim) {
	t.Helper()
	srv := k.site.spawn(t)
	wait.Until(t, "the server to recover", func() bool { return len(k.unfinished(t)) == 0 && !k.isDue(t) })
	k.expectWanted(t, victims)
	for _, v := range victims {
		if v.kind == tenants.KindMigrateDown || v.kind == tenants.KindRevert {
			continue // this build doesn't serve the tenant then
		}
		subdomain, want := answers(k.look(t, v.subdomain), v.subdomain)
		wait.Until(t, fmt.Sprintf("%d of %s", want, subdomain), func() bool {
			return srv.as(t, "", "GET", subdomain, "/api/me", "").status == want
		})
	}
	if status := srv.stop(t); status != exitDone {
		t.Errorf("status %d; log: %s", status, srv.log)
	}
}

// doctor recovers by a command.
func (k *killer) doctor(t *testing.T, victims []victim) {
	t.Helper()
	if r := k.site.process(t, nil, "doctor"); r.status != exitFailed {
		t.Errorf("doctor before: status %d, %s", r.status, r.stderr)
	}
	repair := k.site.process(t, nil, "doctor", "--repair")
	k.site.process(t, nil, "migrate", "up") // a tenant whose migration was undone is behind, which doctor doesn't repair
	if r := k.site.process(t, nil, "doctor"); r.status != exitDone {
		t.Errorf("doctor after its repair: status %d, %s%s; the repair: %s%s", r.status, r.stdout, r.stderr, repair.stdout, repair.stderr)
	}
	k.expectWanted(t, victims)
}

// answers returns the subdomain at which a tenant of this look is reached, and the
// status of an answer without a session.
func answers(look, subdomain string) (at string, status int) {
	at, state, _ := strings.Cut(strings.ReplaceAll(look, "X", subdomain), " ")
	state, more, _ := strings.Cut(state, " ")
	if more == "closed" {
		return at, http.StatusServiceUnavailable
	}
	switch tenants.State(state) {
	case tenants.StateActive:
		return at, http.StatusUnauthorized
	case tenants.StateSuspended:
		return at, http.StatusForbidden
	}
	return subdomain, http.StatusNotFound
}
