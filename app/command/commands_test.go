package command

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"gorm.io/gorm"

	"tenantry/models"
	"tenantry/seed"
	"tenantry/tenants"
	"tenantry/tenants/document"
	"tenantry/tenants/migrate"
)

// shape is text with ids and times replaced by what they are.
func shape(text string) string {
	text = regexp.MustCompile(`\d{4}-\d\d-\d\dT[0-9:.]+Z`).ReplaceAllString(text, "TIME")
	return regexp.MustCompile(`[0-9a-hjkmnp-tv-z]{26}`).ReplaceAllString(text, "ID")
}

// only decodes the one JSON document that text must be.
func only[T any](t *testing.T, text string) T {
	t.Helper()
	var v, more T
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&v); err != nil {
		t.Fatalf("%v in %q", err, text)
	}
	if err := decoder.Decode(&more); !errors.Is(err, io.EOF) {
		t.Fatalf("more than one document in %q", text)
	}
	return v
}

func TestTenantCommands(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s site) {
		database := map[bool]string{true: "t_ID", false: "ID.db"}[s.onServer()]
		want := `{"id":"ID","subdomain":"acme","name":"Acme & Söhne","state":"active","server":"default","database":"` +
			database + `","schema_version":` + fmt.Sprint(latest(t)) + `,"domains":[],"created_at":"TIME"}` + "\n"
		created := s.must(t, "tenant", "create", "acme", "--name", "Acme & Söhne", "--json")
		if shape(created) != want {
			t.Errorf("create: %s, want %s", shape(created), want)
		}
		story := only[shown](t, s.must(t, "--json", "tenant", "show", "acme"))
		if !reflect.DeepEqual(story.Tenant, only[document.Tenant](t, created)) || len(story.Operations) != 1 || story.Operations[0].Kind != tenants.KindCreate {
			t.Errorf("show: %+v", story)
		}
		s.must(t, "tenant", "create", "globex")
		s.must(t, "tenant", "create", "initech")
		found := only[document.List[document.Tenant]](t, s.must(t, "tenant", "list", "--limit=2", "--json"))
		if len(found.Items) != 2 || found.Items[1].Subdomain != "globex" || found.Next == nil || *found.Next != "globex" {
			t.Errorf("first page: %+v", found)
		}
		found = only[document.List[document.Tenant]](t, s.must(t, "tenant", "list", "--after=globex", "--json"))
		if len(found.Items) != 1 || found.Items[0].Subdomain != "initech" || found.Next != nil {
			t.Errorf("last page: %+v", found)
		}
	})
}

func TestTenantCommandsInAPipe(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	if got := s.must(t, "tenant", "create", "acme", "--addr=:9000", "--base-domain=example.com"); got != "tenant acme is ready at http://acme.example.com:9000\n" {
		t.Errorf("create: %q", got)
	}
	s.must(t, "tenant", "create", "globex", "--name=Globex")
	want := "SUBDOMAIN\tNAME\tSTATE\tSERVER\tCREATED\nacme\tacme\tactive\tdefault\tTIME\nglobex\tGlobex\tactive\tdefault\tTIME\n"
	if got := regexp.MustCompile(`\S+Z\n`).ReplaceAllString(s.must(t, "tenant", "list"), "TIME\n"); got != want {
		t.Errorf("list: %q, want %q", got, want)
	}
	r := s.run(t, "tenant", "list", "--limit=1", "--no-header")
	if !strings.Contains(r.stderr, "--after acme") || strings.Count(r.stdout, "\n") != 1 {
		t.Errorf("list: %q, %q", r.stdout, r.stderr)
	}
	if got := s.must(t, "tenant", "show", "acme"); !strings.HasPrefix(got, "FIELD\tVALUE\nsubdomain\tacme\n") || !strings.Contains(got, "url\thttp://acme.localhost:8080\n") {
		t.Errorf("show: %q", got)
	}
}

func TestTenantCommandsThatFail(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	s.must(t, "tenant", "create", "acme")
	for _, test := range []struct {
		args   string
		status int
		want   string
	}{
		{"tenant create acme", exitFailed, "tenantry tenant show acme"},
		{"tenant create globex --server=moon", exitFailed, `"moon"`},
		{"tenant create globex --name=" + strings.Repeat("x", 201), exitUsage, "200 characters"},
		{"tenant create Globex", exitUsage, "must begin with a letter from a to z"},
		{"tenant create admin", exitUsage, "is reserved"},
		{"tenant show globex", exitFailed, "tenantry tenant list"},
	} {
		r := s.run(t, strings.Fields(test.args)...)
		if r.status != test.status || r.stdout != "" || !strings.Contains(r.stderr, test.want) {
			t.Errorf("%s: status %d, %q, %q", test.args, r.status, r.stdout, r.stderr)
		}
		r = s.run(t, append(strings.Fields(test.args), "--json")...)
		failure := only[map[string]string](t, r.stderr)
		if r.status != test.status || r.stdout != "" || !strings.Contains(failure["error"], test.want) {
			t.Errorf("%s --json: status %d, %q, %q", test.args, r.status, r.stdout, r.stderr)
		}
	}
	if found := only[document.List[document.Tenant]](t, s.must(t, "tenant", "list", "--json")); len(found.Items) != 1 {
		t.Errorf("failures left tenants: %+v", found)
	}
}

// setVersion makes the master believe that a tenant is at a schema version.
func (s site) setVersion(t *testing.T, subdomain string, version int64) {
	t.Helper()
	a := s.open(t)
	err := a.Store().Master().Update(t.Context(), func(tx *gorm.DB) error {
		return tx.Model(&tenants.Tenant{}).Where("subdomain = ?", subdomain).Update("schema_version", version).Error
	})
	if err != nil {
		t.Fatal(err)
	}
}

// latest is the version of the last migration.
func latest(t *testing.T) int64 {
	t.Helper()
	version, err := migrate.Latest(models.Workspace().Migrations["sqlite"])
	if err != nil {
		t.Fatal(err)
	}
	return version
}

func TestMigrateCommands(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s site) {
		s.must(t, "tenant", "create", "acme")
		s.must(t, "tenant", "create", "globex")
		s.setVersion(t, "globex", 0)
		behind := fmt.Sprintf(`{"items":[{"server":"default","schema_version":0,"tenants":1,"target":%[1]d},`+
			`{"server":"default","schema_version":%[1]d,"tenants":1,"target":%[1]d}],"next":null}`+"\n", latest(t))
		if r := s.run(t, "migrate", "status", "--json"); r.status != exitFailed || r.stdout != behind {
			t.Errorf("status: %d, %s, want %s", r.status, r.stdout, behind)
		}
		r := s.run(t, "migrate", "up", "--json")
		if up := only[migrated](t, r.stdout); r.status != exitDone || up.Migrated != 1 || up.Failed == nil || up.State != tenants.RunDone || up.Run == "" {
			t.Errorf("up: status %d, %s, %s", r.status, r.stdout, r.stderr)
		}
		if got := s.must(t, "migrate", "status"); got != fmt.Sprintf("SERVER\tVERSION\tTARGET\tTENANTS\ndefault\t%[1]d\t%[1]d\t2\n", latest(t)) {
			t.Errorf("status: %q", got)
		}
		if got := s.must(t, "migrate", "up"); got != "0 tenants migrated, 0 failed\n" {
			t.Errorf("up again: %q", got)
		}
	})
}

func TestMigrateGoesOnPastFailures(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	for _, subdomain := range []string{"acme", "globex"} {
		s.must(t, "tenant", "create", subdomain)
		s.setVersion(t, subdomain, 0)
	}
	if err := os.Remove(s.file(t, "acme")); err != nil {
		t.Fatal(err)
	}
	r := s.run(t, "migrate", "up", "--json")
	got := only[migrated](t, r.stdout)
	if r.status != exitFailed || got.Migrated != 1 || len(got.Failed) != 1 || got.Failed[0].Subdomain != "acme" || got.Failed[0].Error == "" {
		t.Errorf("status %d, %+v, %s", r.status, got, r.stderr)
	}
	if r := s.run(t, "migrate", "up"); r.status != exitFailed || !strings.Contains(r.stderr, "acme") {
		t.Errorf("status %d, %s", r.status, r.stderr)
	}
}

func TestServerWarnsOfTenantsBehind(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	s.must(t, "tenant", "create", "acme")
	s.setVersion(t, "acme", 0)
	srv := s.serve(t, "--lazy-migrate=off")
	srv.stop(t)
	if !strings.Contains(srv.log.String(), "tenantry migrate up") {
		t.Errorf("log: %s", srv.log)
	}
}

func TestSeedCommand(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s site) {
		r := s.run(t, "seed", "acme", "--json")
		first := only[document.List[seed.Result]](t, r.stdout)
		if r.status != exitDone || len(first.Items) != 1 || first.Items[0].Subdomain != "acme" || first.Items[0].Outcome != "created" || first.Items[0].Rows == 0 {
			t.Errorf("status %d, %+v, %s", r.status, first, r.stderr)
		}
		rows := first.Items[0].Rows
		if want := fmt.Sprintf("seed acme: %d of %d\n", rows, rows); !strings.HasSuffix(r.stderr, want) {
			t.Errorf("progress in a pipe is %q, want %q", r.stderr, want)
		}
		if got := s.must(t, "seed", "acme"); got != "SUBDOMAIN\tOUTCOME\tROWS\tREASON\nacme\tunchanged\t0\t\n" {
			t.Errorf("again: %q", got)
		}
	})
}

// signInHint is how the demo tells to sign in.
var signInHint = regexp.MustCompile(`http://(\w+)\.localhost:\d+, sign in as (\S+) with the password (\S+)\n`)

// TestServeDemo starts on nothing, serves the demo tenants and tells how to
// sign in.
func TestServeDemo(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s site) {
		s.create(t, "globex", "--name=Not the seed's")
		srv := s.serve(t, "--demo")
		_, port, _ := strings.Cut(srv.public, ":")
		for _, want := range []string{"http://acme.localhost:" + port, "http://initech.localhost:" + port, "globex: skipped"} {
			if !strings.Contains(srv.log.String(), want) {
				t.Errorf("%q does not contain %q", srv.log, want)
			}
		}
		hints := signInHint.FindAllStringSubmatch(srv.log.String(), -1)
		if len(hints) != 2 || hints[0][3] == hints[1][3] {
			t.Fatalf("%q, want two with passwords of their own", hints)
		}
		for _, hint := range hints {
			token, ok := srv.signIn(t, hint[1], hint[2], hint[3])
			s.tokens.Store(hint[1], token)
			if r := srv.get(t, hint[1], "/api/me"); !ok || !strings.Contains(r.body, `"role":"admin"`) {
				t.Errorf("%s: %d %s", hint[1], r.status, r.body)
			}
		}
		for subdomain, want := range map[string]bool{"acme": true, "initech": true, "globex": false} {
			if r := srv.get(t, subdomain, "/api/projects"); r.status != 200 || strings.Contains(r.body, `"name"`) != want {
				t.Errorf("%s: %d %s", subdomain, r.status, r.body)
			}
		}
	})
}

// TestDemoPassword sets one, on tenants that are there already.
func TestDemoPassword(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	if r := s.run(t, "seed", "acme"); strings.Contains(r.stdout+r.stderr, "sign in") {
		t.Errorf("seed tells how to sign in: %s%s", r.stdout, r.stderr)
	}
	s.environ = append(s.environ, "TENANTRY_DEMO_PASSWORD=all the world's a stage")
	srv := s.serve(t, "--demo")
	hint := regexp.MustCompile(`sign in as (\S+) with the password all the world's a stage`).FindStringSubmatch(srv.log.String())
	if hint == nil {
		t.Fatalf("%s", srv.log)
	}
	if _, ok := srv.signIn(t, "acme", hint[1], "all the world's a stage"); !ok {
		t.Error("can't sign in")
	}
}

func TestServeJSON(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	reader, writer := io.Pipe()
	srv := s.start(t, writer, "--json")
	var d serveDocument
	if err := json.NewDecoder(reader).Decode(&d); err != nil {
		t.Fatal(err)
	}
	go io.Copy(io.Discard, reader)
	if !strings.HasPrefix(d.Public, "http://127.0.0.1:") || !strings.HasPrefix(d.Operator, "http://127.0.0.1:") || d.Public == d.Operator {
		t.Errorf("%+v", d)
	}
	if status := srv.stop(t); status != exitDone {
		t.Errorf("status %d", status)
	}
}

func TestVersionOfABuild(t *testing.T) {
	t.Parallel()
	d := versionOf(&debug.BuildInfo{
		Main: debug.Module{Version: "v1.2.3"},
		Settings: []debug.BuildSetting{
			{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.time", Value: "2026-01-02T03:04:05Z"}, {Key: "vcs.modified", Value: "true"},
		},
	})
	if d.Version != "v1.2.3" || d.Revision != "abc" || d.Time != "2026-01-02T03:04:05Z" || !d.Modified {
		t.Errorf("%+v", d)
	}
	if d := versionOf(&debug.BuildInfo{}); d.Version != "(devel)" || d.Revision != "" || d.Modified {
		t.Errorf("nothing known: %+v", d)
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	bad := site{environ: []string{"TENANTRY_ADDR=nonsense"}} // which version needs not
	d := only[versionDocument](t, bad.must(t, "version", "--json"))
	if d.Version == "" || !strings.HasPrefix(d.Go, "go1.") || !strings.Contains(d.Platform, "/") || !slices.Contains([]string{"mattn/go-sqlite3", "modernc.org/sqlite"}, d.SQLite) {
		t.Errorf("%+v", d)
	}
	if line := bad.must(t, "version"); !strings.Contains(line, d.Go) || !strings.Contains(line, d.SQLite) || strings.Count(line, "\n") != 1 {
		t.Errorf("%q", line)
	}
}
