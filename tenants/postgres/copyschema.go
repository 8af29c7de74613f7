package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"

	"tenantry/tenants/shape"
)

// copies knows the scripts that make a schema like a template. It is safe for concurrent use.
type copies struct {
	mu      sync.Mutex
	scripts map[string]script // by the template's name
}

// script makes a schema like a template.
type script struct {
	text string
	err  error // errNotCopied, or nil
}

// copyTemplate makes a tenant's schema with everything that is in the template's, and its role, in one transaction.
func (s *schemas) copyTemplate(ctx context.Context, template, name string) error {
	script, err := s.scriptOf(ctx, template)
	if errors.Is(err, errNotCopied) {
		return s.makeFromDraft(ctx, name, s.version, func(string) error { return nil })
	}
	if err != nil {
		return err
	}
	return s.inSchema(ctx, name, func(tx *sql.Tx) error {
		role := ""
		if s.holder(name) != "" {
			role = s.roleScript(name) + ";\n"
		}
		if _, err := tx.ExecContext(ctx, role+fillIn(script, s.roleOf(name), name)); err != nil {
			return err
		}
		return tx.Commit()
	})
}

// inSchema calls f in a transaction that has made a schema, in which it looks for tables.
func (s *schemas) inSchema(ctx context.Context, name string, f func(tx *sql.Tx) error) error {
	tx, err := s.admin.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // nothing to do after Commit
	if _, err := tx.ExecContext(ctx, withNames("CREATE SCHEMA %[1]s; SET LOCAL search_path = %[1]s; SET LOCAL check_function_bodies = off", name)); err != nil {
		return err
	}
	return f(tx)
}

// scriptOf returns the script that makes what is in the template.
func (s *schemas) scriptOf(ctx context.Context, template string) (string, error) {
	s.copies.mu.Lock()
	defer s.copies.mu.Unlock()
	known, ok := s.copies.scripts[template]
	if ok {
		return known.text, known.err
	}
	text, err := s.writeScript(ctx, template)
	if errors.Is(err, errNotCopied) {
		s.config.Log.InfoContext(ctx, "new tenants are made by running all migrations, which takes longer than a copy", "reason", err)
	} else if err != nil {
		return "", fmt.Errorf("write down the template: %w", err)
	}
	if s.copies.scripts == nil {
		s.copies.scripts = map[string]script{}
	}
	s.copies.scripts[template] = script{text, err}
	return text, err
}

// errNotCopied means that a template has something that a script doesn't make, such as a type.
var errNotCopied = errors.New("they make something that can't be copied into a schema")

// writeScript writes down the template and tries the script: what it makes must be like the template.
func (s *schemas) writeScript(ctx context.Context, template string) (text string, err error) {
	from, err := openSession(ctx, s.at(s.server, template), &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return "", err
	}
	defer from.close()
	statements, err := shape.Statements(ctx, from.tx, Dialect)
	if err != nil {
		return "", err
	}
	rows, err := s.writeRows(ctx, from)
	if err != nil {
		return "", err
	}
	last := 0 // rows come after the tables, and before what would check them or fire
	for i, statement := range statements {
		if strings.HasPrefix(statement, "CREATE TABLE ") || strings.HasPrefix(statement, "CREATE UNLOGGED TABLE ") {
			last = i + 1
		}
	}
	statements = slices.Insert(statements, last, rows...)
	rights, err := from.pairs(ctx, templateRights)
	if err != nil {
		return "", err
	}
	for _, right := range rights {
		statements = append(statements, right[0])
	}
	// What lies in the template is found by the search path in the copy.
	text = strings.ReplaceAll(strings.Join(statements, ";\n"), pgx.Identifier{template}.Sanitize()[1:len(template)+1]+".", "")
	text = strings.ReplaceAll(text, templateMark, template)
	want, err := shape.Read(ctx, from.tx, Dialect)
	if err != nil {
		return "", err
	}
	return text, s.inSchema(ctx, template+"_try", func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, fillIn(text, "", template+"_try")); err != nil {
			return fmt.Errorf("%w: %w", errNotCopied, err)
		}
		got, err := shape.Read(ctx, tx, Dialect)
		if err != nil {
			return err
		}
		if drift := got.Drift(want); drift != "" {
			return fmt.Errorf("%w: %s", errNotCopied, drift)
		}
		return nil
	})
}

const (
	// templateMark stands for the template's name where that must stay.
	templateMark = "{template}"
	// roleMark and schemaMark stand for the tenant's.
	roleMark, schemaMark = "{tenants role}", "{tenants schema}"
)

// fillIn returns a script for a schema and its role, or for the provisioner if there is none.
func fillIn(script, role, schema string) string {
	holder := "CURRENT_USER"
	if role != "" {
		holder = pgx.Identifier{role}.Sanitize()
	}
	return strings.NewReplacer(roleMark, holder, schemaMark, pgx.Identifier{schema}.Sanitize()).Replace(script)
}

// templateRights lists the statements that grant a role what grantRights does. These name each table, because the server has
// no index of the tables in a schema.
const templateRights = `SELECT format('GRANT %s ON %s TO ' || '` + roleMark + `', 'SELECT, INSERT, UPDATE, DELETE',
		string_agg(quote_ident(relname), ', ' ORDER BY relname)), ''
	FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'f') AND relname <> 'goose_db_version' HAVING count(*) > 0
	UNION ALL
	SELECT format('GRANT USAGE ON SEQUENCE %s TO ' || '` + roleMark + `', string_agg(quote_ident(relname), ', ' ORDER BY relname)), ''
	FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind = 'S' AND relname <> 'goose_db_version_id_seq' HAVING count(*) > 0
	UNION ALL
	SELECT 'GRANT SELECT ON goose_db_version TO ` + roleMark + `', ''
	UNION ALL
	SELECT 'ALTER DEFAULT PRIVILEGES IN SCHEMA ` + schemaMark + ` GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO ` + roleMark + `', ''
	UNION ALL
	SELECT 'ALTER DEFAULT PRIVILEGES IN SCHEMA ` + schemaMark + ` GRANT USAGE ON SEQUENCES TO ` + roleMark + `', ''`

// writeRows returns the statements that copy goose's table, the rows that migrations have made, and the sequences.
func (s *schemas) writeRows(ctx context.Context, from *session) ([]string, error) {
	statements := []string{
		"CREATE TABLE goose_db_version (LIKE " + templateMark + ".goose_db_version INCLUDING ALL)",
		"INSERT INTO goose_db_version SELECT * FROM " + templateMark + ".goose_db_version",
		"SELECT setval('goose_db_version_id_seq', (SELECT max(id) FROM goose_db_version))",
	}
	tables, err := from.pairs(ctx, `SELECT quote_ident(relname), string_agg(quote_ident(attname), ', ' ORDER BY attnum)
		FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
		WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' AND relname <> 'goose_db_version'
			AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
		GROUP BY relname ORDER BY relname`)
	if err != nil {
		return nil, err
	}
	for _, table := range tables {
		var has bool
		if err := from.tx.QueryRowContext(ctx, "SELECT EXISTS (SELECT FROM "+table[0]+")").Scan(&has); err != nil {
			return nil, err
		}
		if has {
			statements = append(statements, fmt.Sprintf("INSERT INTO %s (%s) OVERRIDING SYSTEM VALUE SELECT %[2]s FROM %s.%[1]s", table[0], table[1], templateMark))
		}
	}
	sequences, err := from.pairs(ctx, `SELECT quote_literal(quote_ident(sequencename)), last_value::text FROM pg_sequences
		WHERE schemaname = current_schema() AND last_value IS NOT NULL AND sequencename <> 'goose_db_version_id_seq'`)
	for _, sequence := range sequences {
		statements = append(statements, fmt.Sprintf("SELECT setval(%s, %s)", sequence[0], sequence[1]))
	}
	return statements, err
}
