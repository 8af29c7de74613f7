package postgres

import (
	"context"
	"io/fs"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/oklog/ulid/v2"

	"tenantry/tenants"
)

// ownSchema is a schema whose template no other test has.
func ownSchema(t testing.TB) tenants.Schema {
	t.Helper()
	return tenants.Schema{Migrations: map[string]fs.FS{Dialect: fstest.MapFS{
		"00001_init.sql": {Data: []byte("-- +goose Up\n-- " + ulid.Make().String() + "\nCREATE TABLE things (n int);\n")},
	}}}
}

// ownTemplate is an engine whose template is there when it is made, and gone
// after the test.
func ownTemplate(t testing.TB) *Engine {
	t.Helper()
	c := config(t)
	c.Schema = ownSchema(t)
	e := newEngine(t, c)
	dropTemplate(t, e)
	return e
}

func dropTemplate(t testing.TB, e *Engine) {
	t.Helper()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		removeTemplate(t, ctx, e)
	})
}

func removeTemplate(t testing.TB, ctx context.Context, e *Engine) {
	t.Helper()
	_ = e.exec(ctx, "ALTER DATABASE %s IS_TEMPLATE false", e.template.name) // maybe it isn't there
	for _, name := range []string{e.template.name, e.template.name + "_draft"} {
		if err := e.exec(ctx, "DROP DATABASE IF EXISTS %s", name); err != nil {
			t.Error(err)
		}
	}
}

func wantTemplate(t testing.TB, e *Engine) {
	t.Helper()
	got := ask(t, e, `SELECT string_agg(datname || ' ' || datistemplate || ' ' || datallowconn, ', ')
		FROM pg_database WHERE starts_with(datname, $1)`, e.template.name)
	if want := e.template.name + " true false"; got != want {
		t.Errorf("templates: %s; want %s", got, want)
	}
}

func TestTemplateIsMadeOnceByManyEngines(t *testing.T) {
	t.Parallel()
	first := ownTemplate(t)
	engines := []*Engine{first}
	for range 3 {
		engines = append(engines, newEngine(t, first.config))
	}
	var callers sync.WaitGroup
	for _, e := range engines {
		tenant := unmade(t, e)
		for range 2 {
			callers.Go(func() {
				if err := e.Create(t.Context(), tenant); err != nil {
					t.Error(err)
				}
			})
		}
	}
	callers.Wait()
	wantTemplate(t, first)
}

// TestTemplateThatWasLeftUnfinished has every state in which a builder can die.
func TestTemplateThatWasLeftUnfinished(t *testing.T) {
	t.Parallel()
	whole := []string{
		"CREATE DATABASE %[1]s TEMPLATE template0",
		"ALTER DATABASE %[1]s WITH ALLOW_CONNECTIONS false",
	}
	for name, left := range map[string][]string{
		"empty draft":  whole[:1],
		"closed draft": whole,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := ownTemplate(t)
			for _, statement := range left {
				if err := e.exec(t.Context(), statement, e.template.name+"_draft"); err != nil {
					t.Fatal(err)
				}
			}
			opened(t, e, made(t, e))
			wantTemplate(t, e)
		})
	}
	t.Run("unmarked template", func(t *testing.T) {
		t.Parallel()
		e := ownTemplate(t)
		made(t, e)
		if err := e.exec(t.Context(), "ALTER DATABASE %s IS_TEMPLATE false", e.template.name); err != nil {
			t.Fatal(err)
		}
		opened(t, e, made(t, newEngine(t, e.config)))
		wantTemplate(t, e)
	})
}

func TestTemplateThatWasDroppedIsMadeAgain(t *testing.T) {
	t.Parallel()
	e := ownTemplate(t)
	made(t, e)
	removeTemplate(t, t.Context(), e)
	opened(t, e, made(t, e))
	wantTemplate(t, e)
}

func TestTemplateOfBrokenMigrations(t *testing.T) {
	t.Parallel()
	c := config(t)
	c.Schema = ownSchema(t)
	c.Schema.Migrations[Dialect].(fstest.MapFS)["00002_broken.sql"] = &fstest.MapFile{Data: []byte("-- +goose Up\nSELECT nothing;\n")}
	e := newEngine(t, c)
	dropTemplate(t, e)
	tenant := unmade(t, e)
	for range 2 {
		err := e.Create(t.Context(), tenant)
		if err == nil || !strings.Contains(err.Error(), "00002_broken.sql") {
			t.Errorf("create gave %v", err)
		}
	}
	_, err := e.Open(t.Context(), tenant)
	wantError(t, "open", err, tenants.ErrUnavailable)
}

func TestTemplateBuilderObeysItsContext(t *testing.T) {
	t.Parallel()
	e := ownTemplate(t)
	<-e.template.turn // another goroutine builds
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := e.template.ready(ctx)
	wantError(t, "ready", err, context.Canceled)
	e.template.turn <- struct{}{}
	made(t, e)
}
