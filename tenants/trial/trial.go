// Package trial applies migrations to a database that nothing else uses, and reports what each of their statements does
// to the tables that were there before. It asks the server, after each statement, instead of parsing SQL.
//
//	trial.go      applies the migrations
//	catalog.go    what the server says about the database
//	compare.go    what a statement has changed
//	rebuilt.go    what a migration has changed in several statements
//	down.go       whether the migrations can be undone
//	findings.go   what is dangerous, and what to write instead
package trial

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"tenantry/tenants/migrate"
	"tenantry/tenants/shape"
)

// Options say what to try.
type Options struct {
	// Dialect is "sqlite" or "postgres".
	Dialect string
	// Migrations are all migrations of the dialect.
	Migrations fs.FS
	// From is the version at which the trial begins. A database that is behind it is first brought there.
	From int64
	// Down undoes the migrations at the end, to see whether they can be. The database is left as it is then.
	Down bool
}

// Report is what the pending migrations did.
type Report struct {
	// From is the version at which the trial began.
	From       int64       `json:"from_version"`
	Migrations []Migration `json:"migrations"`
	// CopySeconds is the time that copying the rows took, before the trial.
	CopySeconds float64 `json:"copy_seconds"`
	// Error is why the last of the migrations failed, or what is wrong after them. It is empty if all is well.
	Error string `json:"error"`
}

// Migration is what one migration did.
type Migration struct {
	Version int64  `json:"version"`
	Name    string `json:"name"`
	// Transaction reports whether its statements run in one transaction.
	Transaction bool `json:"transaction"`
	// OlderCode is the oldest build whose code can serve the schema after the migration, as the migrations up to it declare.
	OlderCode  int64       `json:"older_code"`
	Statements []Statement `json:"statements"`
	// Findings are those that belong to no single statement.
	Findings []Finding `json:"findings"`
}

// Statement is what one statement did.
type Statement struct {
	SQL string `json:"sql"`
	// Seconds is the time that it took.
	Seconds float64 `json:"seconds"`
	// Rows is the number of rows that it changed.
	Rows int64 `json:"rows"`
	// Locks are those that it took on tables that were there before, on Postgres.
	Locks    []Lock    `json:"locks"`
	Findings []Finding `json:"findings"`
	// Error is why it failed, or empty.
	Error string `json:"error"`
}

// Lock is a lock on a table that was there before.
type Lock struct {
	Table string `json:"table"`
	// Mode is the mode as Postgres' manual spells it, such as ACCESS EXCLUSIVE.
	Mode string `json:"mode"`
	// Blocks says what waits for the lock: "reads and writes", "writes", or nothing.
	Blocks string `json:"blocks"`
}

// Seconds returns the time that the statements took.
func (r *Report) Seconds() (sum float64) {
	for _, m := range r.Migrations {
		for _, s := range m.Statements {
			sum += s.Seconds
		}
	}
	return sum
}

// Run applies the migrations after o.From over one connection of c, to a database that the caller alone uses. The error
// of a migration is in the report; Run returns an error if the trial itself is impossible.
func Run(ctx context.Context, c driver.Connector, o Options) (report *Report, err error) {
	t := &trial{Options: o, report: &Report{From: o.From, Migrations: []Migration{}}}
	t.db = migrate.Observe(c, func(ctx context.Context, s migrate.Statement) error { return t.observe(ctx, s) })
	defer func() { err = errors.Join(err, t.db.Close()) }()
	pending, err := migrate.Pending(o.Migrations, o.From)
	if err != nil {
		return nil, err
	}
	if t.builds, err = migrate.ReadVersions(o.Migrations); err != nil {
		return nil, err
	}
	if err := t.begin(ctx); err != nil {
		return nil, err
	}
	for _, next := range pending {
		if err := t.try(ctx, next); err != nil || t.report.Error != "" {
			return t.report, err
		}
	}
	if o.Down {
		return t.report, t.undo(ctx, pending)
	}
	return t.report, nil
}

// trial is a Run under way.
type trial struct {
	Options
	db      *sql.DB
	report  *Report
	builds  migrate.Versions
	now     *Migration // the migration under way; nil outside of one
	down    *downward  // what is being undone; nil before
	before  *catalog   // as it was before the migration under way
	last    *catalog   // as it was after the last statement
	known   map[string]bool
	removed []removal // of the migration under way
	shapes  []shape.Shape
	// sequences are the last ids that tables with AUTOINCREMENT had given before the migration under way.
	sequences map[string]int64
}

// begin brings the database to the first version. The tables that are there then are those that have rows.
func (t *trial) begin(ctx context.Context) (err error) {
	if t.From > 0 {
		if _, err := migrate.Up(ctx, t.db, t.Dialect, migrate.UpTo(t.Migrations, t.From)); err != nil {
			return fmt.Errorf("make a database of version %d: %w", t.From, err)
		}
	}
	if t.last, err = readCatalog(ctx, t.db, t.Dialect); err != nil {
		return err
	}
	t.known = map[string]bool{}
	for id := range t.last.tables() {
		t.known[id] = true
	}
	return nil
}

// try applies one migration.
func (t *trial) try(ctx context.Context, next migrate.Source) error {
	made, err := shape.Read(ctx, t.db, t.Dialect)
	if err != nil {
		return err
	}
	t.shapes = append(t.shapes, made)
	if err := t.giveIDs(ctx, made); err != nil {
		return err
	}
	t.now, t.before, t.removed = &Migration{
		Version: next.Version, Name: next.Name, Transaction: next.Transaction, OlderCode: t.builds.OlderCode[next.Version],
		Statements: []Statement{}, Findings: []Finding{},
	}, t.last, nil
	err = migrate.Try(ctx, t.db, t.Dialect, t.Migrations, next)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		t.report.Error = err.Error()
	} else {
		err = t.concludeMigration(ctx)
	}
	t.report.Migrations = append(t.report.Migrations, *t.now)
	t.now = nil
	if t.report.Error != "" {
		return nil
	}
	return err
}

// observe runs a statement of the migration under way and records what it did.
func (t *trial) observe(ctx context.Context, s migrate.Statement) error {
	switch {
	case t.down != nil:
		return t.down.observe(s)
	case t.now == nil:
		_, err := s.Run()
		return err
	}
	statement := Statement{SQL: strings.TrimSpace(s.Text), Locks: []Lock{}, Findings: []Finding{}}
	err := t.run(ctx, s, &statement)
	if err != nil {
		statement.Error = err.Error()
		statement.Findings = append(statement.Findings, t.failure(s, err))
	}
	t.now.Statements = append(t.now.Statements, statement)
	return err
}

// run runs a statement and compares the catalogs before and after it. On Postgres it wraps a statement that runs outside
// of a transaction into one, because its locks can be seen only there, unless the server refuses that.
func (t *trial) run(ctx context.Context, s migrate.Statement, into *Statement) error {
	if s.Transaction || t.Dialect != "postgres" {
		return t.compared(ctx, s, into)
	}
	if _, err := s.Session.ExecContext(ctx, "BEGIN"); err != nil {
		return err
	}
	err := t.compared(ctx, s, into)
	if err == nil {
		_, err = s.Session.ExecContext(ctx, "COMMIT")
		return err
	}
	if _, rollback := s.Session.ExecContext(ctx, "ROLLBACK"); rollback != nil || stateOf(err) != activeTransaction {
		return errors.Join(err, rollback)
	}
	return t.compared(ctx, s, into)
}

// compared runs a statement and compares the catalogs before and after it.
func (t *trial) compared(ctx context.Context, s migrate.Statement, into *Statement) (err error) {
	if t.Dialect == "postgres" { // its statistics of scans begin anew between transactions
		if t.last, err = readCatalog(ctx, s.Session, t.Dialect); err != nil {
			return err
		}
	}
	var scanned []string
	if t.Dialect == "sqlite" && changesRows(into.SQL) {
		if scanned, err = scannedTables(ctx, s.Session, s.Text); err != nil {
			return err
		}
	}
	if err := timed(s, into); err != nil {
		return err
	}
	after, err := readCatalog(ctx, s.Session, t.Dialect)
	if err != nil {
		return err
	}
	for i := range after.Relations {
		if r := &after.Relations[i]; r.Kind == kindTable && slices.Contains(scanned, r.Name) {
			r.Scans++
		}
	}
	t.compare(after, into)
	t.last = after
	return nil
}

// activeTransaction is the SQLSTATE of a statement that can't run in a transaction.
const activeTransaction = "25001"

func stateOf(err error) string {
	var refused interface{ SQLState() string }
	if errors.As(err, &refused) {
		return refused.SQLState()
	}
	return ""
}

// timed runs a statement and measures it.
func timed(s migrate.Statement, into *Statement) error {
	begin := time.Now()
	rows, err := s.Run()
	into.Seconds = time.Since(begin).Seconds()
	if changesRows(into.SQL) {
		into.Rows = rows
	}
	return err
}

// changesRows reports whether a statement's effect is a number of rows. For other statements SQLite returns the number
// of the one before.
func changesRows(text string) bool {
	switch keyword(text) {
	case "INSERT", "UPDATE", "DELETE", "REPLACE", "WITH", "MERGE":
		return true
	}
	return false
}

// keyword returns the first word of a statement, in upper case. goose has removed the comments.
func keyword(text string) string {
	word, _, _ := strings.Cut(strings.Join(strings.Fields(text), " "), " ")
	return strings.ToUpper(word)
}
