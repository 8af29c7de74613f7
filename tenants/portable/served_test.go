package portable_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/portable"
	"tenantry/tenants/sqlite"
	"tenantry/tenants/tenantstest"
)

// named is a row of one of the tables of oddSchema.
type named struct {
	Name string `gorm:"primaryKey"`
	N    *int64
}

// TableName names the table.
func (named) TableName() string { return "named" }

// oddSchema has tables with keys of every kind, and one without.
func oddSchema() tenants.Schema {
	file := func(text string) fstest.MapFS {
		return fstest.MapFS{"00001_init.sql": {Data: []byte("-- +goose Up\n" + text + "\n-- +goose Down\nDROP TABLE plain;")}}
	}
	tables := `CREATE TABLE plain (a text, n bigint); CREATE INDEX plain_idx ON plain (n);
		CREATE TABLE named (name text PRIMARY KEY NOCASE, n bigint); CREATE TABLE quiet (id bigint PRIMARY KEY);
		CREATE TABLE pairs (a bigint NOT NULL, "b ""c" text NOT NULL, v text, PRIMARY KEY (a, "b ""c")) LEAN;`
	return tenants.Schema{Name: "odd", Models: []any{&named{}}, Migrations: map[string]fs.FS{
		"sqlite":   file(strings.NewReplacer(" NOCASE", " COLLATE NOCASE", " LEAN", " WITHOUT ROWID", "bigint", "integer").Replace(tables)),
		"postgres": file(strings.NewReplacer(" NOCASE", "", " LEAN", "").Replace(tables)),
	}}
}

// oddRows are in the source first; oddChanges are made while it is copied.
var (
	oddRows = []string{
		"INSERT INTO plain VALUES ('a', 1), ('a', 1), ('b', 2), (NULL, NULL)", "INSERT INTO named VALUES ('Ada', 1), ('Bob', 2), ('Cy', 3), ('Di', 4)",
		`INSERT INTO pairs VALUES (1, 'x', 'v'), (1, 'y', 'v'), (2, 'x', 'v')`, "INSERT INTO quiet VALUES (1), (2)",
	}
	oddChanges = map[string][]string{
		"nothing": nil,
		"added":   {"INSERT INTO plain VALUES ('a', 1)", "INSERT INTO named VALUES ('Ed', 5)", "INSERT INTO pairs VALUES (0, '', NULL)"},
		"all": {
			"DELETE FROM plain WHERE a = 'b'", "UPDATE plain SET n = 7 WHERE a IS NULL",
			"UPDATE named SET name = 'BOB' WHERE name = 'Bob'", "UPDATE named SET n = NULL WHERE name = 'Ada'", "DELETE FROM named WHERE name = 'Cy'",
			"INSERT INTO named VALUES ('cy', 3)", "UPDATE named SET n = 5 WHERE name = 'Di'", "UPDATE named SET n = 4 WHERE name = 'Di'",
			`UPDATE pairs SET "b ""c" = 'a''b\' WHERE a = 1 AND "b ""c" = 'x'`, "UPDATE pairs SET a = 9 WHERE a = 2", "INSERT INTO pairs VALUES (2, 'x', 'new')",
		},
		"gone": {"DELETE FROM plain", "DELETE FROM named", "DELETE FROM pairs", "DELETE FROM quiet"},
	}
)

func run(t *testing.T, env *tenantstest.Env, tenant *tenants.Tenant, statements []string) {
	t.Helper()
	err := env.Store.Update(t.Context(), tenant, func(tx *gorm.DB) error {
		for _, statement := range statements {
			if err := tx.Exec(statement).Error; err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// copyServed copies the tenant to the second server. freeze is called between the two passes.
func copyServed(t *testing.T, env *tenantstest.Env, tenant *tenants.Tenant, wrap func(tenants.RowWriter) tenants.RowWriter, freeze func()) (*tenants.Tenant, error) {
	t.Helper()
	from, err := env.Engine.Rows(t.Context(), tenant)
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	to := *tenant
	to.Server, to.Database = tenantstest.Second, env.Second.DatabaseName(tenant.ID)
	if len(to.Credentials) == 0 {
		if to.Credentials, err = env.Second.NewCredentials(tenant.ID); err != nil {
			t.Fatal(err)
		}
	}
	return &to, env.Second.Load(t.Context(), &to, from.Version(), func(ctx context.Context, into tenants.RowWriter) error {
		return portable.CopyServed(ctx, from, wrap(into), portable.Options{Schema: oddSchema()}, func(context.Context) error {
			freeze()
			return nil
		})
	})
}

// sumsOf returns the sums of the tenant's rows as SQLite stores them.
func sumsOf(t *testing.T, engine tenants.Engine, tenant *tenants.Tenant) []portable.Sum {
	t.Helper()
	from, err := engine.Rows(t.Context(), tenant)
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	files := sqlite.Files{Schema: oddSchema()}
	a, err := portable.Write(t.Context(), files, filepath.Join(t.TempDir(), "tenant.db"), from, portable.About{}, portable.Options{Schema: oddSchema()})
	if err != nil {
		t.Fatal(err)
	}
	return a.Tables
}

func eachPair(t *testing.T, f func(t *testing.T, env *tenantstest.Env)) {
	t.Helper()
	for _, first := range tenantstest.Engines() {
		for _, second := range tenantstest.Engines() {
			t.Run(string(first+" to "+second), func(t *testing.T) {
				t.Parallel()
				f(t, tenantstest.New(t, tenantstest.Options{Engine: first, Second: second, Schema: oddSchema()}))
			})
		}
	}
}

func unchanged(into tenants.RowWriter) tenants.RowWriter { return into }

func TestCopyServed(t *testing.T) {
	t.Parallel()
	eachPair(t, func(t *testing.T, env *tenantstest.Env) {
		for name, changes := range oddChanges {
			tenant := env.Tenant(t, name)
			run(t, env, tenant, oddRows)
			to, err := copyServed(t, env, tenant, unchanged, func() { run(t, env, tenant, changes) })
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if got, want := sumsOf(t, env.Second, to), sumsOf(t, env.Engine, tenant); !reflect.DeepEqual(got, want) {
				t.Errorf("%s: the copy is\n%+v, want\n%+v", name, got, want)
			}
		}
	})
}

// TestCopyServedWithNullKeys: SQLite lets a primary key be null, and more than once.
func TestCopyServedWithNullKeys(t *testing.T) {
	t.Parallel()
	env := tenantstest.New(t, tenantstest.Options{Second: tenantstest.SQLite, Schema: oddSchema()})
	tenant := env.Tenant(t, "acme")
	run(t, env, tenant, []string{"INSERT INTO named VALUES (NULL, 1), (NULL, 2), (NULL, 3), ('a', 1)"})
	to, err := copyServed(t, env, tenant, unchanged, func() { run(t, env, tenant, []string{"UPDATE named SET n = 9 WHERE n = 2"}) })
	if err != nil {
		t.Fatal(err)
	}
	if got, want := sumsOf(t, env.Second, to), sumsOf(t, env.Engine, tenant); !reflect.DeepEqual(got, want) {
		t.Errorf("the copy is\n%+v, want\n%+v", got, want)
	}
}

// badWriter writes other rows than it gets into one table, before the indexes are made or afterwards.
type badWriter struct {
	tenants.RowWriter
	late, indexed bool
	spoil         func(row []tenants.Value) bool // changes the row, and returns whether to write it
	keep          bool                           // deletes nothing
}

func (w *badWriter) Index(ctx context.Context) error {
	w.indexed = true
	return w.RowWriter.Index(ctx)
}

func (w *badWriter) Write(ctx context.Context, table tenants.Table, fill func(insert func(row []tenants.Value) error) error) error {
	n := 0
	return w.RowWriter.Write(ctx, table, func(insert func(row []tenants.Value) error) error {
		return fill(func(row []tenants.Value) error {
			if n++; table.Name == "named" && n == 1 && w.late == w.indexed && w.spoil != nil && !w.spoil(row) {
				return nil
			}
			return insert(row)
		})
	})
}

func (w *badWriter) Delete(ctx context.Context, table tenants.Table, fill func(remove func(key []tenants.Value) error) error) (int64, error) {
	if !w.keep {
		return w.RowWriter.Delete(ctx, table, fill)
	}
	err := fill(func([]tenants.Value) error { return nil })
	return 0, err
}

// TestCopyServedIsCompared: a copy that differs from the source is refused, whether the first copy or the changes are written wrongly.
func TestCopyServedIsCompared(t *testing.T) {
	t.Parallel()
	loses := func([]tenants.Value) bool { return false }
	changes := func(row []tenants.Value) bool {
		for i, v := range row {
			if v.Type == tenants.Text && len(v.Bytes) > 1 {
				row[i].Bytes = []byte("someone else")
			}
		}
		return true
	}
	eachPair(t, func(t *testing.T, env *tenantstest.Env) {
		n := 0
		for name, bad := range map[string]badWriter{
			"loses a row": {spoil: loses}, "changes a value": {spoil: changes},
			"loses a changed row": {spoil: loses, late: true}, "changes a changed value": {spoil: changes, late: true}, "keeps a removed row": {keep: true},
		} {
			n++
			tenant := env.Tenant(t, fmt.Sprintf("t%d", n))
			run(t, env, tenant, oddRows)
			to, err := copyServed(t, env, tenant, func(into tenants.RowWriter) tenants.RowWriter {
				bad.RowWriter = into
				return &bad
			}, func() {
				run(t, env, tenant, []string{"DELETE FROM named WHERE name = 'Cy'", "INSERT INTO named VALUES ('Zoe', 8)"})
			})
			var damaged *portable.DamagedError
			if !errors.As(err, &damaged) || damaged.Table != "named" {
				t.Errorf("%s: error %v", name, err)
			}
			if rows, err := env.Second.Rows(t.Context(), to); err == nil {
				t.Errorf("%s: the copy is there: %v", name, rows.Close())
			}
		}
	})
}
