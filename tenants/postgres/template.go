package postgres

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"tenantry/tenants"
	"tenantry/tenants/migrate"
)

// template is the database that new tenants' databases are copies of. It is
// made once per admin database and set of migrations, by whichever process
// needs it first. Installations that share a server have an admin database
// each, and so do their templates: advisory locks reach no further (PITFALLS,
// Postgres).
//
// It is built under another name and renamed when it is whole, so that the
// name alone says so. Nobody can connect to it, because nobody could copy it
// meanwhile.
type template struct {
	engine *Engine
	name   string

	turn chan struct{} // holds one token; guards made
	made bool
}

// templateVersion changes with how a template is made, apart from migrations.
const templateVersion = "template-2"

// draftSuffix ends the name of a template that is not whole yet.
const draftSuffix = "_draft"

// templateLock is the key of the advisory lock under which templates are built.
const templateLock = 0x74656e616e747279 // "tenantry"

// templatePrefix is what the names of templates begin with. The installation
// follows, and then what is in the template.
func (e *Engine) templatePrefix() string { return e.config.Prefix + "_template_" }

// newTemplate names the template for the admin database, the provisioner, who
// owns what is in it, the hash of its migrations, and how it is made.
func newTemplate(ctx context.Context, e *Engine) (*template, error) {
	var owner string
	if err := e.admin.QueryRowContext(ctx, "SELECT current_user").Scan(&owner); err != nil {
		return nil, err
	}
	name := e.templatePrefix() + shortHash(e.server.Database) + "_" + shortHash(strings.Join([]string{e.hash, templateVersion, owner}, " "))
	t := &template{engine: e, name: name, turn: make(chan struct{}, 1)}
	t.turn <- struct{}{}
	return t, nil
}

// shortHash is what tells names of one kind apart.
func shortHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}

// ready makes the template where it is missing, and returns its name.
func (t *template) ready(ctx context.Context) (string, error) {
	select {
	case <-t.turn:
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
	defer func() { t.turn <- struct{}{} }()
	if t.made {
		return t.name, nil
	}
	if err := t.make(ctx); err != nil {
		return "", fmt.Errorf("make template %s: %w", t.name, err)
	}
	t.made = true
	return t.name, nil
}

// forget has the next ready look whether the template is there.
func (t *template) forget() {
	<-t.turn
	t.made = false
	t.turn <- struct{}{}
}

// make builds the template unless it is there, one process at a time.
func (t *template) make(ctx context.Context) error {
	lock, err := t.engine.admin.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer lock.Rollback() // releases the lock; there is nothing to commit
	if _, err := lock.ExecContext(ctx, "SELECT pg_advisory_xact_lock($1)", int64(templateLock)); err != nil {
		return err
	}
	there, marked, err := t.find(ctx, lock)
	if err != nil {
		return err
	}
	if !there {
		if err := t.build(ctx); err != nil {
			return err
		}
	}
	if marked {
		return nil
	}
	// Not needed for copies of one's own: it keeps the template from a mistaken DROP.
	return t.engine.exec(ctx, "ALTER DATABASE %s WITH IS_TEMPLATE true", t.name)
}

// find looks for the template. One that was given to another role is an error:
// what is in its copies would be that role's.
func (t *template) find(ctx context.Context, tx *sql.Tx) (there, marked bool, err error) {
	var owner, user string
	err = tx.QueryRowContext(ctx, "SELECT datistemplate, pg_get_userbyid(datdba)::text, current_user::text FROM pg_database WHERE datname = $1", t.name).
		Scan(&marked, &owner, &user)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return false, false, nil
	case err == nil && owner != user:
		err = fmt.Errorf("%w: it belongs to role %q; give it back with: ALTER DATABASE %s OWNER TO %s", tenants.ErrUnavailable,
			owner, pgx.Identifier{t.name}.Sanitize(), pgx.Identifier{user}.Sanitize())
	}
	return err == nil, marked, err
}

// build makes the template anew. What a builder that died left is dropped.
func (t *template) build(ctx context.Context) error {
	draft := t.name + draftSuffix
	if err := t.engine.exec(ctx, "DROP DATABASE IF EXISTS %s WITH (FORCE)", draft); err != nil {
		return err
	}
	if err := t.engine.createDraft(ctx, draft); err != nil {
		return err
	}
	if err := t.engine.fillDraft(ctx, draft, t.engine.config.Schema.Migrations[Dialect]); err != nil {
		return err
	}
	if err := t.engine.exec(ctx, "COMMENT ON DATABASE %s IS '"+madeAt+time.Now().UTC().Format(time.RFC3339)+"'", draft); err != nil {
		return err
	}
	if err := t.engine.exec(ctx, "ALTER DATABASE %s WITH ALLOW_CONNECTIONS false", draft); err != nil {
		return err
	}
	return retryInUse(ctx, func() error { return t.engine.exec(ctx, "ALTER DATABASE %s RENAME TO %s", draft, t.name) })
}

// createDraft makes an empty database to which nobody but its owner could ever
// connect: a tenant who did would leave rows in the databases of all tenants to
// come.
func (e *Engine) createDraft(ctx context.Context, draft string) error {
	if err := e.exec(ctx, "CREATE DATABASE %s TEMPLATE template0 "+e.locale+" ALLOW_CONNECTIONS false", draft); err != nil {
		return err
	}
	return e.exec(ctx, `REVOKE ALL ON DATABASE %[1]s FROM PUBLIC; ALTER DATABASE %[1]s WITH ALLOW_CONNECTIONS true`, draft)
}

// fillDraft migrates a draft and gives the rights to what is in it. Copies have
// both.
func (e *Engine) fillDraft(ctx context.Context, draft string, migrations fs.FS) (err error) {
	db := sql.OpenDB(connector{server: e.server, database: draft})
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)
	if _, err := migrate.Up(ctx, db, Dialect, migrations); err != nil {
		return err
	}
	return grantRights(ctx, db, e.group)
}
