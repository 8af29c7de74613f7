package tenantstest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/pressly/goose/v3"

	"tenantry/tenants"
	"tenantry/tenants/shape"
)

// SchemaOptions configure CheckSchema for what it can't find out by itself. Most schemas need
// none.
type SchemaOptions struct {
	// Rows are INSERT statements for tables that CheckSchema can't fill itself. It ignores
	// statements that fail, because a table may not exist yet or may have other columns.
	Rows []string
	// WithoutModel names tables that have no model because only SQL uses them.
	WithoutModel []string
}

// CheckSchema tests a schema on each engine. It fails the test, with the first
// thing that it finds, unless
//   - both dialects have the same migrations, which declare the same about older builds (migrate.Versions);
//   - the migrations make the tables that the models say;
//   - each migration can be applied to tables with rows, and taken back: then the
//     schema is as it was before;
//   - all migrations can be applied again after all were taken back;
//   - what Credentials names is there, and its columns can be NULL;
//   - what NotCloned names is there.
//
// Views, triggers, functions and collations are not compared with the models,
// which can't say them.
func CheckSchema(t *testing.T, schema tenants.Schema, o SchemaOptions) {
	t.Helper()
	if err := checkDialects(schema); err != nil {
		t.Fatal(err)
	}
	if _, err := schema.Versions(string(SQLite)); err != nil {
		t.Fatal(err)
	}
	EachDialect(t, func(t *testing.T, engine Engine) {
		if err := checkEngine(t, engine, schema, o); err != nil {
			t.Fatal(err)
		}
	})
}

// checkDialects returns an error unless all dialects have migrations with the same names.
func checkDialects(schema tenants.Schema) error {
	has := map[string][]string{}
	for _, engine := range dialects {
		folder, ok := schema.Migrations[string(engine)]
		if !ok {
			return fmt.Errorf("there are no migrations for %s", engine)
		}
		names, err := fs.Glob(folder, "*.sql")
		if err != nil {
			return err
		}
		for _, name := range names {
			has[name] = append(has[name], string(engine))
		}
	}
	var alone []string
	for name, engines := range has {
		if len(engines) < len(dialects) {
			alone = append(alone, fmt.Sprintf("migration %s is there for %s only", name, strings.Join(engines, ", ")))
		}
	}
	slices.Sort(alone)
	if len(alone) > 0 {
		return errors.New(strings.Join(alone, "\n"))
	}
	return nil
}

// checkEngine checks the schema in new databases.
func checkEngine(t testing.TB, engine Engine, schema tenants.Schema, o SchemaOptions) error {
	t.Helper()
	models, err := shapeOfModels(t, engine, schema)
	if err != nil {
		return err
	}
	s := openScratch(t, engine)
	migrations, err := s.migrations(schema)
	if err != nil {
		return fmt.Errorf("read the migrations: %w", err)
	}
	w := &walk{scratch: s, Provider: migrations, filler: filler{s.sql, o.Rows}}
	if err := w.up(t.Context()); err != nil {
		return err
	}
	first := w.last()
	if err := checkDrift(first, models, o.WithoutModel); err != nil {
		return err
	}
	if err := checkCredentials(first, schema.Credentials); err != nil {
		return err
	}
	for _, table := range schema.NotCloned {
		if _, found := first["table "+table]; !found {
			return fmt.Errorf("Schema.NotCloned: the migrations make no %s", table)
		}
	}
	if err := w.down(t.Context()); err != nil {
		return err
	}
	if err := w.up(t.Context()); err != nil {
		return fmt.Errorf("after all were taken back: %w", err)
	}
	return differences("up, down and up again gives another schema", first, w.last(), "the first time", "the second time")
}

// shapeOfModels returns the schema that gorm creates from the models.
func shapeOfModels(t testing.TB, engine Engine, schema tenants.Schema) (shape.Shape, error) {
	t.Helper()
	s := openScratch(t, engine)
	if err := s.gorm.AutoMigrate(schema.Models...); err != nil {
		return nil, fmt.Errorf("make tables of the models: %w", err)
	}
	return s.shape(t.Context())
}

// checkDrift returns an error if the schemas of the migrations and the models differ.
func checkDrift(migrations, models shape.Shape, withoutModel []string) error {
	for _, words := range []string{"trigger", "function", "view", "relation of kind v", "relation of kind m"} {
		migrations = migrations.Without(words)
	}
	for _, table := range withoutModel {
		migrations = migrations.Without("table " + table)
	}
	return differences("the migrations and the models differ", migrations, plain(models), "the migrations", "the models")
}

// checkCredentials returns an error unless each name is a table, or a column that can be NULL.
func checkCredentials(s shape.Shape, names []string) error {
	for _, name := range names {
		table, column, isColumn := strings.Cut(name, ".")
		properties, found := s["table "+table]
		if isColumn {
			properties, found = s["table "+table+", column "+column]
		}
		switch {
		case !found:
			return fmt.Errorf("Schema.Credentials: the migrations make no %s", name)
		case isColumn && strings.Contains(properties, "not null"):
			return fmt.Errorf("Schema.Credentials: %s can't be NULL; name its table instead", name)
		}
	}
	return nil
}

func differences(what string, one, two shape.Shape, here, there string) error {
	if lines := one.Differences(two, here, there); len(lines) > 0 {
		return fmt.Errorf("%s:\n%s", what, strings.Join(lines, "\n"))
	}
	return nil
}

// plain returns a schema without the collations of columns, which models can't express, and
// without the parentheses of checks, of which Postgres keeps fewer after a column's collation
// has changed.
func plain(s shape.Shape) shape.Shape {
	rest := shape.Shape{}
	for thing, properties := range s {
		if strings.HasPrefix(properties, "CHECK") {
			words := strings.NewReplacer("(", " ", ")", " ").Replace(properties)
			properties = strings.Join(strings.Fields(words), " ")
		}
		rest[thing] = strings.TrimSuffix(properties, `, collation "C"`)
	}
	return rest
}

// walk applies migrations one by one, and reverts them.
type walk struct {
	*scratch
	*goose.Provider
	filler
	shapes []shape.Shape // at each version, that of an empty database first
}

func (w *walk) last() shape.Shape { return w.shapes[len(w.shapes)-1] }

// up applies all migrations, each to tables with rows.
func (w *walk) up(ctx context.Context) error {
	w.shapes = []shape.Shape{{}}
	for range w.ListSources() {
		if err := w.fill(ctx, w.last()); err != nil {
			return err
		}
		result, err := w.UpByOne(ctx)
		if err != nil {
			return fmt.Errorf("up, on tables with rows: %w", err)
		}
		found, err := w.shape(ctx)
		if err != nil {
			return fmt.Errorf("after %s: %w", path.Base(result.Source.Path), err)
		}
		w.shapes = append(w.shapes, plain(found))
	}
	return nil
}

// down reverts all migrations, each from tables with rows, and compares the schema with the one
// before the migration.
func (w *walk) down(ctx context.Context) error {
	for i := len(w.shapes) - 1; i > 0; i-- {
		if err := w.fill(ctx, w.shapes[i]); err != nil {
			return err
		}
		result, err := w.Down(ctx)
		if err != nil {
			return fmt.Errorf("down, on tables with rows: %w", err)
		}
		found, err := w.shape(ctx)
		if err != nil {
			return err
		}
		what := "the Down of " + path.Base(result.Source.Path) + " doesn't give the schema of before"
		if err := differences(what, w.shapes[i-1], plain(found), "the schema of before", "the schema after Down"); err != nil {
			return err
		}
	}
	return nil
}
