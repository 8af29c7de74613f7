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
	"tenantry/tenants/shape"
)

// template is the database of which new tenants' databases are copies. It is made once per admin database
// and set of migrations, by the first process that needs it. Installations that share a server have
// different admin databases, and so different templates, because advisory locks work only within a
// database (PITFALLS, Postgres).
//
// It is built as a draft under another name and renamed when it is complete, so its name shows that it is.
// Nobody can connect to it, because nobody could copy it meanwhile.
type template struct {
	engine *Engine
	name   string

	turn  chan struct{} // holds one token; protects made and shape
	made  bool
	shape shape.Shape // what the migrations make; nil until a tenant was examined
}

// templateVersion changes whenever templates are made differently, apart from migrations.
const templateVersion = "template-2"

// draftSuffix ends the name of an incomplete template.
const draftSuffix = "_draft"

// templateLock is the key of the advisory lock that is held while building a template.
const templateLock = 0x74656e616e747279 // "tenantry"

// templatePrefix begins the names of templates. The installation's hash and a hash of what the template
// depends on follow.
func (e *Engine) templatePrefix() string { return e.config.Prefix + "_template_" }

// newTemplate returns the template. Its name depends on the admin database, the provisioner, who owns what
// is in it, the hash of the migrations, and templateVersion.
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

// shortHash returns a hash of text, for use in names.
func shortHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}

// ready makes the template if it is missing, and returns its name.
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

// forget makes the next ready check that the template exists.
func (t *template) forget() {
	<-t.turn
	t.made = false
	t.turn <- struct{}{}
}

// make builds the template if it is missing, one process at a time.
func (t *template) make(ctx context.Context) error {
	release, err := t.lock(ctx)
	if err != nil {
		return err
	}
	defer release()
	there, marked, err := t.find(ctx)
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
	return t.engine.layout.mark(ctx, t.name, true)
}

// lock waits until no other process builds a template or a draft. The caller must release the lock.
func (t *template) lock(ctx context.Context) (release func(), err error) {
	tx, err := t.engine.admin.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	release = func() { _ = tx.Rollback() } // releases the lock; there is nothing to commit
	if _, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock($1)", int64(templateLock)); err != nil {
		release()
		return nil, err
	}
	return release, nil
}

// find reports whether the template exists and is marked as one. Returns an error if another role owns it,
// because that role would own what is in its copies.
func (t *template) find(ctx context.Context) (there, marked bool, err error) {
	marked, owner, user, err := t.engine.layout.inspectTemplate(ctx, t.name)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return false, false, nil
	case err == nil && owner != user:
		err = fmt.Errorf("%w: it belongs to role %q; give it back with: ALTER DATABASE %s OWNER TO %s", tenants.ErrUnavailable,
			owner, pgx.Identifier{t.name}.Sanitize(), pgx.Identifier{user}.Sanitize())
	}
	return err == nil, marked, err
}

// build makes the template. It drops what a process that died while building left behind.
func (t *template) build(ctx context.Context) error {
	draft := t.name + draftSuffix
	if err := t.engine.layout.remove(ctx, draft); err != nil {
		return err
	}
	if err := t.engine.layout.createDraft(ctx, draft); err != nil {
		return err
	}
	if err := t.engine.fillDraft(ctx, draft, t.engine.config.Schema.Migrations[Dialect]); err != nil {
		return err
	}
	if err := t.engine.layout.comment(ctx, draft, madeAt+time.Now().UTC().Format(time.RFC3339)); err != nil {
		return err
	}
	return t.engine.layout.finish(ctx, draft, t.name)
}

// fillDraft migrates a draft and grants the permissions inside it. Copies have both.
func (e *Engine) fillDraft(ctx context.Context, draft string, migrations fs.FS) (err error) {
	db := sql.OpenDB(e.layout.at(e.server, draft))
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)
	if _, err := migrate.Up(ctx, db, Dialect, migrations); err != nil {
		return err
	}
	if holder := e.layout.holder(draft); holder != "" {
		return grantRights(ctx, db, e.layout.at(e.server, draft).schema(), holder)
	}
	return nil
}
