package command

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tenantry/tenants/document"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/seal"
	"tenantry/tenants/tenantstest/pgcluster"
	"tenantry/tenants/tenantstest/wait"
)

// TestFourServers serves tenants on two Postgres servers and two folders, by a process that began before three of
// the servers were there. The master is on Postgres, and in a file.
func TestFourServers(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s site) {
		s.install(t)
		srv := s.serve(t)
		others := map[string]string{"south": pgcluster.New(t).URL(), "east": "sqlite:" + filepath.Join(t.TempDir(), "east"), "west": "sqlite:" + t.TempDir()}
		if !slices.ContainsFunc(s.environ, func(v string) bool { return strings.HasPrefix(v, "TENANTRY_DATABASE_URL=") }) { // with a SQLite master the other Postgres server makes four
			others["north"] = pgcluster.New(t).URL()
		}
		for name, url := range others {
			if r := s.pipe(t, url+"\n", "server", "add", name, "-", "--label", "region="+name); r.status != exitDone || strings.Contains(r.stdout+r.stderr, "password") {
				t.Fatalf("add %s: %d %s %s", name, r.status, r.stdout, r.stderr)
			}
		}
		others["default"] = ""
		for name := range others {
			s.create(t, "on-"+name, "--server", name)
			srv.post(t, "on-"+name, "/api/projects", `{"name":"of `+name+`"}`).expect(t, http.StatusCreated)
		}
		for name := range others {
			if r := srv.get(t, "on-"+name, "/api/projects"); r.status != http.StatusOK || !strings.Contains(r.body, `"of `+name+`"`) || strings.Count(r.body, `"id"`) != 1 {
				t.Errorf("%s: %d %s", name, r.status, r.body)
			}
			s.setVersion(t, "on-"+name, latest(t)-1)
		}
		s.must(t, "migrate", "up")
		s.must(t, "migrate", "status", "--verify")
		s.must(t, "doctor")
		for name := range others {
			srv.get(t, "on-"+name, "/api/projects").expect(t, http.StatusOK)
		}
	})
}

// expect fails the test if the reply has another status.
func (r reply) expect(t *testing.T, status int) {
	t.Helper()
	if r.status != status {
		t.Fatalf("status %d, want %d: %s", r.status, status, r.body)
	}
}

// TestServerCommands goes through the life of a server.
func TestServerCommands(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	s.install(t)
	folder := t.TempDir()
	show := func(name string) document.Server {
		t.Helper()
		return only[document.Server](t, s.must(t, "server", "show", name, "--json"))
	}
	s.must(t, "server", "add", "north", "sqlite:"+folder, "--capacity", "2", "--label", "region=eu")
	if n := show("north"); n.Dialect != "sqlite" || n.Address != "sqlite:"+folder || n.Capacity != 2 || n.Labels["region"] != "eu" || n.State != "active" || n.Tenants != 0 {
		t.Errorf("added: %+v", n)
	}
	s.must(t, "server", "set", "default", "--capacity", "10")
	s.must(t, "tenant", "create", "a", "--label", "region=eu")
	s.must(t, "tenant", "create", "b") // a tenth of default is used, and half of north
	if n, d := show("north"), show("default"); n.Tenants != 1 || d.Tenants != 1 {
		t.Errorf("placed: %+v, %+v", n, d)
	}
	s.must(t, "server", "drain", "default")
	s.must(t, "tenant", "create", "c")
	s.must(t, "tenant", "archive", "c", "--yes")
	s.must(t, "tenant", "purge", "c", "--yes")
	if n := show("north"); n.Tenants != 2 {
		t.Errorf("with one in the trash: %+v", n)
	}
	s.refused(t, "no active server", "tenant", "create", "d")
	s.refused(t, "capacity is 2", "tenant", "create", "d", "--server", "north")
	s.refused(t, "draining", "tenant", "create", "d", "--server", "default")
	s.refused(t, "no such server", "tenant", "create", "d", "--server", "south")
	s.refused(t, "tenants have data on the server: 2", "server", "remove", "north")
	s.refused(t, "can't be removed", "server", "remove", "default")
	s.must(t, "server", "undrain", "default")
	s.must(t, "server", "set", "north", "--capacity", "1", "--no-labels")
	s.must(t, "tenant", "create", "d")
	s.must(t, "tenant", "restore", "c")
	for _, name := range []string{"a", "c"} {
		s.must(t, "tenant", "archive", name, "--yes")
		s.must(t, "tenant", "purge", name, "--yes", "--grace", "0")
	}
	s.must(t, "server", "remove", "north")
	s.refused(t, "no such server", "server", "show", "north")
	s.must(t, "server", "add", "north", "sqlite:"+folder)
	s.must(t, "tenant", "create", "e", "--server", "north")
	s.must(t, "doctor")
}

// refused runs a command that must fail, and say why.
func (s site) refused(t *testing.T, why string, args ...string) {
	t.Helper()
	if r := s.run(t, args...); r.status != exitFailed || !strings.Contains(r.stderr, why) {
		t.Errorf("%s: status %d, %s", strings.Join(args, " "), r.status, r.stderr)
	}
}

// TestServersThatAreRefused names servers that can't be used, or that are there under another name.
func TestServersThatAreRefused(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	s.install(t)
	folder, link, file := t.TempDir(), filepath.Join(t.TempDir(), "link"), filepath.Join(t.TempDir(), "file")
	if err := os.Symlink(folder, link); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	server := pgcluster.Database(t)
	s.must(t, "server", "add", "folder", "sqlite:"+folder)
	if r := s.pipe(t, server+"\n", "server", "add", "pg", "-"); r.status != exitDone {
		t.Fatal(r.stderr)
	}
	for _, test := range []struct {
		status          int
		name, url, says string
		flags           []string
	}{
		{exitFailed, "again", "sqlite:" + folder, "another server keeps its databases in the same place: folder", nil},
		{exitFailed, "again", "sqlite:" + link, "same place: folder", nil},
		{exitFailed, "again", "sqlite:" + s.dir, "same place: default", nil},
		{exitFailed, "again", server, "same place: pg", nil},
		{exitFailed, "again", withHosts(server, "/nowhere", ""), "same place: pg", nil},
		{exitFailed, "again", withHosts(server, "", "/nowhere"), "same place: pg", nil},
		{exitUsage, "odd", server + "&target_session_attrs=standby", "standby", nil},
		{exitFailed, "folder", "sqlite:" + t.TempDir(), "already", nil},
		{exitFailed, "default", "sqlite:" + t.TempDir(), "already", nil},
		{exitFailed, "file", "sqlite:" + file, "", nil},
		{exitFailed, "away", "postgres://ada:hunter2@127.0.0.1:1/ada", "", nil},
		{exitUsage, "odd", "mysql://ada:hunter2@127.0.0.1/ada", "the URL is not", nil},
		{exitUsage, "odd", "postgres://ada:hunter2@127.0.0.1:port/ada", "the URL is not", nil},
		{exitUsage, "odd", "sqlite:", "the URL is not", nil},
		{exitUsage, "odd", "sqlite:x?mode=ro", "the URL is not", nil},
		{exitUsage, "odd", "", "", nil},
		{exitUsage, "Odd", "sqlite:x", "name", nil},
		{exitUsage, "-odd", "sqlite:x", "", nil},
		{exitUsage, strings.Repeat("o", 41), "sqlite:x", "name", nil},
		{exitUsage, "odd", "sqlite:x", "capacity", []string{"--capacity=-1"}},
		{exitUsage, "odd", "sqlite:x", "connections", []string{"--connections=-1"}},
		{exitUsage, "odd", "sqlite:x", "label", []string{"--label", "Region=eu"}},
		{exitUsage, "odd", "sqlite:x", "label", []string{"--label", "region="}},
		{exitUsage, "odd", "sqlite:x", "placement", []string{"--placement", "schema"}},
		{exitUsage, "odd", server, "placement", []string{"--placement", "table"}},
		{exitUsage, "odd", server, "pooler", []string{"--pooler", "pooler:6432/x"}},
		{exitUsage, "odd", server, "pooler", []string{"--placement", "schema", "--pooler", "ada@pooler:6432/x"}},
		{exitUsage, "odd", server, "pooler", []string{"--placement", "schema", "--pooler", "postgres://ada:hunter2@pooler:6432/x"}},
		{exitUsage, "odd", server, "pooler", []string{"--placement", "schema", "--pooler", "pooler:6432/x?password=hunter2"}},
		{exitUsage, "odd", server, "pooler", []string{"--placement", "schema", "--pooler", "pooler:port/x"}},
		{exitUsage, "odd", server, "pooler", []string{"--placement", "schema", "--pooler", "pooler:6432"}},
		{exitFailed, "again", server, "name another database of that server", []string{"--placement", "schema"}},
		{exitFailed, "again", withHosts(server, "/nowhere", ""), "name another database of that server", []string{"--placement", "schema"}},
	} {
		r := s.pipe(t, test.url+"\n", append([]string{"server", "add", test.name, "-"}, test.flags...)...)
		if r.status != test.status || !strings.Contains(r.stderr, test.says) || strings.Contains(r.stderr, "hunter2") {
			t.Errorf("%s %s %v: status %d, %s", test.name, test.url, test.flags, r.status, r.stderr)
		}
	}
	if r := s.run(t, "server", "add", "open", "postgres://ada:hunter2@127.0.0.1/ada"); r.status != exitUsage || strings.Contains(r.stderr, "hunter2") || !strings.Contains(r.stderr, "standard input") {
		t.Errorf("a password in an argument: status %d, %s", r.status, r.stderr)
	}
	if all := only[document.List[document.Server]](t, s.must(t, "server", "list", "--json")).Items; len(all) != 3 {
		t.Errorf("servers: %+v", all)
	}
}

// withHosts returns the URL with a host added before or behind its own.
func withHosts(server, before, behind string) string {
	u, err := url.Parse(server)
	if err != nil {
		panic(err) // pgcluster has made it
	}
	query := u.Query()
	query.Set("host", strings.Trim(strings.Join([]string{before, query.Get("host"), behind}, ","), ","))
	u.RawQuery = query.Encode()
	return u.String()
}

// TestServerThatIsDown starts while a server is down. Its tenants get 503, the others are served, and when the server
// is there again they are too, without a restart.
func TestServerThatIsDown(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	s.install(t)
	folder := filepath.Join(t.TempDir(), "disk")
	s.must(t, "server", "add", "disk", "sqlite:"+folder)
	s.create(t, "here", "--server", "default")
	s.create(t, "there", "--server", "disk")
	if err := os.Rename(folder, folder+".away"); err != nil {
		t.Fatal(err)
	}
	srv := s.serve(t)
	signing := fmt.Sprintf(`{"email":%q,"password":%q}`, admin("there"), password)
	srv.get(t, "here", "/api/projects").expect(t, http.StatusOK)
	if r := srv.as(t, "", "POST", "there", "/api/session", signing); r.status != http.StatusServiceUnavailable || r.header.Get("Retry-After") == "" {
		t.Errorf("while it is down: %d %v %s", r.status, r.header, r.body)
	}
	s.refused(t, "", "doctor")
	if _, err := os.Stat(folder); !os.IsNotExist(err) {
		t.Errorf("the folder was made anew: %v", err)
	}
	if err := os.Rename(folder+".away", folder); err != nil {
		t.Fatal(err)
	}
	wait.Until(t, "it to be served again", func() bool {
		return srv.as(t, "", "POST", "there", "/api/session", signing).status == http.StatusCreated
	})
	srv.get(t, "there", "/api/projects").expect(t, http.StatusOK)
}

// TestServersAndKeys changes the secret key: the servers' URLs are sealed with the new one, and without the key of a
// server the others are served.
func TestServersAndKeys(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	older, newer := seal.GenerateKey(), seal.GenerateKey()
	with := func(keys string) site {
		other := s
		other.environ = append(slices.Clone(s.environ), "TENANTRY_SECRET_KEY="+keys)
		return other
	}
	with(older).install(t)
	with(older).must(t, "server", "add", "disk", "sqlite:"+t.TempDir())
	with(older).must(t, "tenant", "create", "acme", "--server", "disk")
	with(older).must(t, "tenant", "create", "globex", "--server", "default")
	kinds := func(keys string, status int, args ...string) string {
		t.Helper()
		r := with(keys).run(t, append([]string{"doctor", "--json"}, args...)...)
		var found []string
		for _, f := range only[document.List[lifecycle.Finding]](t, r.stdout).Items {
			found = append(found, f.Subject+" "+f.Kind)
		}
		if r.status != status {
			t.Errorf("doctor: status %d, %s %s", r.status, r.stdout, r.stderr)
		}
		return strings.Join(found, ", ")
	}
	if got := kinds(newer, exitFailed); !strings.Contains(got, "disk url-unreadable") || !strings.Contains(got, "disk server-silent") || strings.Contains(got, "default") {
		t.Errorf("without the key: %s", got)
	}
	if got := kinds(newer+","+older, exitFailed); got != "disk url-old-key" {
		t.Errorf("with both: %s", got)
	}
	if got := kinds(newer+","+older, exitDone, "--repair"); got != "disk url-old-key" {
		t.Errorf("repair: %s", got)
	}
	if got := kinds(newer, exitDone); got != "" {
		t.Errorf("with the new one: %s", got)
	}
}

// TestPostgresServerThatStops serves the tenants of the other server meanwhile, and all of them when it runs again.
func TestPostgresServerThatStops(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	s.install(t)
	cluster := pgcluster.New(t)
	if r := s.pipe(t, cluster.URL()+"\n", "server", "add", "pg", "-"); r.status != exitDone {
		t.Fatal(r.stderr)
	}
	s.create(t, "here", "--server", "default")
	s.create(t, "there", "--server", "pg")
	srv := s.serve(t)
	srv.get(t, "there", "/api/projects").expect(t, http.StatusOK)
	cluster.Stop()
	for range 10 {
		if r := srv.get(t, "there", "/api/projects"); r.status != http.StatusServiceUnavailable || r.header.Get("Retry-After") == "" {
			t.Errorf("while it is down: %d %v %s", r.status, r.header, r.body)
		}
		srv.get(t, "here", "/api/projects").expect(t, http.StatusOK)
	}
	cluster.Start()
	wait.Until(t, "the tenants of the server to be served", func() bool {
		return srv.get(t, "there", "/api/projects").status == http.StatusOK
	})
}
