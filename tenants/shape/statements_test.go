package shape_test

import (
	"testing"

	"tenantry/tenants"
	"tenantry/tenants/shape"
	"tenantry/tenants/tenantstest"
)

// TestStatements make the same schema in an empty database: that of the master, which has triggers and functions, with
// what an operator may have added.
func TestStatements(t *testing.T) {
	t.Parallel()
	tenantstest.EachDialect(t, func(t *testing.T, engine tenantstest.Engine) {
		from, to := tenantstest.Migrated(t, engine, tenants.MasterSchema()), tenantstest.Empty(t, engine)
		added := []string{
			"CREATE VIEW named AS SELECT id, name FROM tenants", `CREATE TABLE "Odd ""name" (a integer DEFAULT 7, "b c" text CHECK ("b c" <> ';'), PRIMARY KEY (a))`,
			`CREATE UNIQUE INDEX odd_idx ON "Odd ""name" ("b c") WHERE a > 0`,
		}
		if engine == tenantstest.Postgres {
			added = append(added, "CREATE TABLE more (id bigserial PRIMARY KEY, i bigint GENERATED ALWAYS AS IDENTITY, t text COLLATE \"C\" NOT NULL DEFAULT 'x', g integer GENERATED ALWAYS AS (1 + 1) STORED)")
		}
		for _, statement := range added {
			if err := from.Exec(statement).Error; err != nil {
				t.Fatal(err)
			}
		}
		var shapes []shape.Shape
		pool, err := from.DB()
		if err != nil {
			t.Fatal(err)
		}
		statements, err := shape.Statements(t.Context(), pool, string(engine))
		if err != nil {
			t.Fatal(err)
		}
		for _, statement := range statements {
			if err := to.Exec(statement).Error; err != nil {
				t.Fatalf("%s: %v", statement, err)
			}
		}
		made, err := to.DB()
		if err != nil {
			t.Fatal(err)
		}
		for _, reader := range []shape.Reader{pool, made} {
			read, err := shape.Read(t.Context(), reader, string(engine))
			if err != nil {
				t.Fatal(err)
			}
			shapes = append(shapes, read.Without("migration"))
		}
		for _, line := range shapes[0].Differences(shapes[1], "the database", "what the statements make") {
			t.Error(line)
		}
	})
}
