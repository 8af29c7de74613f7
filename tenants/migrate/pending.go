package migrate

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"github.com/pressly/goose/v3"
)

// Source is a migration.
type Source struct {
	Version int64
	// Name is the name of its file.
	Name string
	// Transaction reports whether its statements run in one transaction.
	Transaction bool
}

// Pending returns the migrations with a greater version, in the order in which Up applies them.
func Pending(fsys fs.FS, version int64) ([]Source, error) {
	if _, err := Latest(fsys); err != nil {
		return nil, err
	}
	names, err := files(fsys)
	if err != nil {
		return nil, err
	}
	var pending []Source
	for _, name := range names {
		v, err := goose.NumericComponent(name)
		if err != nil {
			return nil, fmt.Errorf("version of migration %q: %w", name, err)
		}
		if v > version {
			pending = append(pending, Source{v, name, isTransaction(fsys, name)})
		}
	}
	slices.SortFunc(pending, func(a, b Source) int { return cmp.Compare(a.Version, b.Version) })
	return pending, nil
}

// Try applies the next migration to a database that the caller alone uses. It takes no lock, sets no time limits, and
// doesn't try again. Call it for one of Pending after another.
func Try(ctx context.Context, db *sql.DB, dialect string, fsys fs.FS, next Source) error {
	return try(ctx, db, dialect, UpTo(fsys, next.Version), func(p *goose.Provider) error {
		_, err := p.Up(ctx)
		return err
	})
}

// TryDown undoes the last migration of a database that the caller alone uses.
func TryDown(ctx context.Context, db *sql.DB, dialect string, fsys fs.FS, last Source) error {
	return try(ctx, db, dialect, UpTo(fsys, last.Version), func(p *goose.Provider) error {
		_, err := p.Down(ctx)
		return err
	})
}

// try calls do, and returns why the migration failed, without the words in which goose wraps it.
func try(ctx context.Context, db *sql.DB, dialect string, fsys fs.FS, do func(*goose.Provider) error) error {
	versions, err := newStore(dialect)
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectCustom, db, fsys, goose.WithStore(versions),
		goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	err = do(provider)
	var partial *goose.PartialError
	if errors.As(err, &partial) {
		return fmt.Errorf("%s: %w", path.Base(partial.Failed.Source.Path), partial.Err)
	}
	return err
}
