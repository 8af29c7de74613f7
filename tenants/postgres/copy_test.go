package postgres

import (
	"database/sql"
	"io/fs"
	"testing"
	"testing/fstest"

	"tenantry/tenants"
)

// anySchema has what an application may have beside plain tables.
func anySchema() tenants.Schema {
	const migration = `-- +goose Up
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE TABLE nodes (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    parent_id bigint REFERENCES nodes (id),
    favourite_id bigint,
    name text COLLATE "C" NOT NULL,
    loud text GENERATED ALWAYS AS (upper(name)) STORED,
    moods mood[] NOT NULL DEFAULT '{}',
    weight double precision,
    since interval,
    seen timestamp with time zone,
    body bytea,
    CONSTRAINT nodes_name_key UNIQUE (name) DEFERRABLE INITIALLY DEFERRED
);
CREATE TABLE "Odd Name%" ("a ""column""" text, node_id bigint NOT NULL REFERENCES nodes (id) ON DELETE CASCADE);
ALTER TABLE nodes ADD CONSTRAINT nodes_favourite FOREIGN KEY (favourite_id) REFERENCES nodes (id) DEFERRABLE INITIALLY DEFERRED;
CREATE TABLE events (day date NOT NULL, node_id bigint REFERENCES nodes (id)) PARTITION BY RANGE (day);
CREATE TABLE events_2026 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE audit (line text);
-- +goose StatementBegin
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO audit VALUES (TG_TABLE_NAME || TG_OP); RETURN NULL; END $$;
-- +goose StatementEnd
CREATE TRIGGER noted AFTER INSERT ON nodes FOR EACH ROW EXECUTE FUNCTION note();
CREATE TRIGGER happened AFTER INSERT ON events FOR EACH ROW EXECUTE FUNCTION note();
CREATE TRIGGER sleeping AFTER INSERT ON nodes FOR EACH ROW EXECUTE FUNCTION note();
ALTER TABLE nodes DISABLE TRIGGER sleeping;
CREATE SEQUENCE tickets INCREMENT BY 10;
CREATE MATERIALIZED VIEW totals AS SELECT count(*) AS n FROM nodes;
CREATE VIEW louds AS SELECT loud FROM nodes;
`
	return tenants.Schema{Migrations: map[string]fs.FS{Dialect: fstest.MapFS{"1_any.sql": {Data: []byte(migration)}}}}
}

// anyRows has keys in a circle, and values that are written otherwise elsewhere.
const anyRows = `SET datestyle = 'SQL, DMY'; SET intervalstyle = 'sql_standard';
	INSERT INTO nodes (parent_id, favourite_id, name, moods, weight, since, seen, body) VALUES
		(NULL, 2, E'a\tb\\N', '{good,bad}', 0.1::float8 + 0.2::float8, '1 month -2 days', '2026-02-03 04:05:06.789+07', '\x00ff'),
		(2, 1, 'b', '{}', 'NaN', NULL, 'infinity', NULL);
	INSERT INTO "Odd Name%" VALUES ('', 1), (NULL, 2);
	INSERT INTO events VALUES ('2026-02-03', 2);
	SELECT nextval('tickets'), nextval('tickets')`

// anyContent is all of it as one text.
const anyContent = `SELECT concat_ws(E'\n',
	(SELECT string_agg(nodes::text, ' ' ORDER BY id) FROM nodes), (SELECT string_agg(o::text, ' ' ORDER BY o.node_id) FROM "Odd Name%" o),
	(SELECT string_agg(events::text, ' ') FROM events), (SELECT string_agg(line, ' ' ORDER BY line) FROM audit),
	(SELECT last_value FROM tickets), (SELECT last_value FROM nodes_id_seq))`

func TestAdoptAnySchema(t *testing.T) {
	t.Parallel()
	eachProvisioner(t, func(t *testing.T, s *own) {
		c := s.config
		c.Schema = anySchema()
		e := newEngine(t, c)
		source, tenant := made(t, e), unmade(t, e)
		change(t, e, source, anyRows)
		for range 2 {
			if version, err := e.Adopt(t.Context(), tenant, urlOf(t, e, source.Database)); err != nil || version != 1 {
				t.Fatalf("version %d, %v", version, err)
			}
		}
		opened(t, e, tenant)
		read := func(of *tenants.Tenant, query string) (text string) {
			t.Helper()
			db := sql.OpenDB(connector{server: e.server, database: of.Database})
			defer db.Close()
			if err := db.QueryRowContext(t.Context(), query).Scan(&text); err != nil {
				t.Fatal(err)
			}
			return text
		}
		if one, two := read(source, anyContent), read(tenant, anyContent); one != two {
			t.Errorf("the source has\n%s\nthe copy\n%s", one, two)
		}
		if n := read(tenant, "SELECT n::text FROM totals"); n != "2" {
			t.Errorf("the materialized view has %s", n)
		}
		change(t, e, tenant, "INSERT INTO nodes (name) VALUES ('c'); INSERT INTO events VALUES ('2026-03-04', 1)")
		const lines = "events_2026INSERT events_2026INSERT nodesINSERT nodesINSERT nodesINSERT"
		if got := read(tenant, "SELECT string_agg(line, ' ' ORDER BY line) FROM audit"); got != lines {
			t.Errorf("the triggers wrote %q", got)
		}
		if err := attempt(t, e.server, tenant.Database, "INSERT INTO events VALUES ('2026-03-04', 77)"); stateOf(err) != "23503" {
			t.Errorf("a foreign key is gone: %v", err)
		}
	})
}
