package tenants

import (
	"errors"
	"fmt"
	"strings"
)

// ErrSchema matches every *SchemaError.
var ErrSchema = errors.New("the schema is not one that the migrations make")

// SchemaError means that the schema of a database to adopt differs from the one that the migrations
// up to its version make.
type SchemaError struct {
	// Differences has a line for each difference. After twenty, one line counts the others.
	Differences []string
}

// Error returns the differences.
func (e *SchemaError) Error() string {
	return ErrSchema.Error() + ": " + strings.Join(e.Differences, "; ")
}

// Unwrap returns ErrSchema.
func (e *SchemaError) Unwrap() error { return ErrSchema }

// CheckVersion returns a *SchemaError unless version, that of a database to adopt, is between 1 and
// last.
func CheckVersion(version, last int64) error {
	switch {
	case version < 1:
		return CheckDifferences([]string{"table goose_db_version: it is missing or empty: no migration has run in the database"})
	case version > last:
		return CheckDifferences([]string{
			fmt.Sprintf("migration %d: this program's last one is %d: a newer program migrated the database", version, last),
		})
	}
	return nil
}

// CheckDifferences returns a *SchemaError if differences is not empty.
func CheckDifferences(differences []string) error {
	const most = 20
	if len(differences) == 0 {
		return nil
	}
	if more := len(differences) - most; more > 0 {
		differences = append(differences[:most:most], fmt.Sprintf("and %d more", more))
	}
	return &SchemaError{differences}
}

// SourceError means that a database to adopt, or a file, can't be read or its rows violate the schema's
// constraints.
type SourceError struct {
	// Reason says what is wrong, without secrets.
	Reason string
	// Err is ErrUnavailable if trying later may help, else nil.
	Err error
}

// Error returns the reason.
func (e *SourceError) Error() string { return "read the source: " + e.Reason }

// Unwrap returns Err.
func (e *SourceError) Unwrap() error { return e.Err }
