package migrate

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/pressly/goose/v3/database"
)

// ReferenceError means that a row of a database on SQLite refers to a row that isn't there, after a migration, which
// has therefore failed. Foreign keys are off while it runs.
type ReferenceError struct {
	// Table and Row say which row it is. Row is 0 in a table without rowid.
	Table string
	Row   int64
	// Columns are those that refer, as in "a, b", to the table Parent.
	Columns, Parent string
	// Others is the number of such rows beside it.
	Others int64
	// Before reports whether rows were like that before the migration.
	Before bool
}

// Error names the row and what it refers to.
func (e *ReferenceError) Error() string {
	row := fmt.Sprintf("row %d of %s", e.Row, e.Table)
	if e.Row == 0 {
		row = "a row of " + e.Table
	}
	text := fmt.Sprintf("it leaves %s, whose %s refers to a row of %s that isn't there", row, e.Columns, e.Parent)
	if e.Others > 0 {
		text += fmt.Sprintf(", and %d more such rows", e.Others)
	}
	if e.Before {
		text += "; before the migration there were such rows, too"
	}
	return text
}

// brokenReference selects the first broken reference. Its foreign keys are numbered as pragma_foreign_key_list does.
const brokenReference = `SELECT broken."table", coalesce(rowid, 0), broken.parent,
		(SELECT group_concat("from", ', ' ORDER BY seq) FROM pragma_foreign_key_list(broken."table") WHERE id = fkid), count(*) OVER () - 1
	FROM pragma_foreign_key_check AS broken LIMIT 1`

// CheckReferences returns a *ReferenceError if a row of a database on SQLite refers to a row that isn't there. It also
// returns an error if a foreign key refers to columns that are not unique.
func CheckReferences(ctx context.Context, db database.DBTxConn) error {
	// This costs half as much as the query that describes a broken reference.
	rows, err := db.QueryContext(ctx, "PRAGMA foreign_key_check")
	if err != nil {
		return fmt.Errorf("check foreign keys: %w", err)
	}
	broken := rows.Next()
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return fmt.Errorf("check foreign keys: %w", err)
	}
	if !broken {
		return nil
	}
	return describeReference(ctx, db)
}

// describeReference returns a *ReferenceError about the first broken reference.
func describeReference(ctx context.Context, db database.DBTxConn) error {
	broken := &ReferenceError{}
	err := db.QueryRowContext(ctx, brokenReference).Scan(&broken.Table, &broken.Row, &broken.Parent, &broken.Columns, &broken.Others)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil
	case err != nil:
		return fmt.Errorf("check foreign keys: %w", err)
	}
	return broken
}

// explainReference says in a *ReferenceError whether the migration, which was rolled back, is to blame.
func explainReference(ctx context.Context, db *sql.DB, failure error) {
	var broken, before *ReferenceError
	if errors.As(failure, &broken) {
		broken.Before = errors.As(CheckReferences(ctx, db), &before)
	}
}

// Insert records a migration, unless it leaves rows that refer to rows that aren't there.
func (t sqliteTable) Insert(ctx context.Context, db database.DBTxConn, request database.InsertRequest) error {
	if err := CheckReferences(ctx, db); err != nil {
		return err
	}
	return t.Store.Insert(ctx, db, request)
}

// Delete takes the record of a migration back, as Insert.
func (t sqliteTable) Delete(ctx context.Context, db database.DBTxConn, version int64) error {
	if err := CheckReferences(ctx, db); err != nil {
		return err
	}
	return t.Store.Delete(ctx, db, version)
}
