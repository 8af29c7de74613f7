package tenants

import (
	"errors"
	"fmt"
	"strings"
)

// ErrSchema is matched by every *SchemaError.
var ErrSchema = errors.New("the schema is not one that the migrations make")

// SchemaError: the database that was to be adopted has another schema than the
// one that the migrations up to its version make.
type SchemaError struct {
	// Differences has a line for each, twenty at most and then one that counts
	// the others.
	Differences []string
}

// Error names the differences.
func (e *SchemaError) Error() string {
	return ErrSchema.Error() + ": " + strings.Join(e.Differences, "; ")
}

// Unwrap is ErrSchema.
func (e *SchemaError) Unwrap() error { return ErrSchema }

// CheckVersion returns a *SchemaError unless the version of a database that was
// migrated is between 1 and the last one.
func CheckVersion(version, last int64) error {
	switch {
	case version < 1:
		return CheckDifferences([]string{"table goose_db_version: it is missing or empty: no migrations made the database"})
	case version > last:
		return CheckDifferences([]string{
			fmt.Sprintf("migration %d: this program's last one is %d: a newer one has made the database", version, last),
		})
	}
	return nil
}

// CheckDifferences returns a *SchemaError if there are any.
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

// SourceError: the database that was to be adopted can't be read, or its rows
// break the schema's rules.
type SourceError struct {
	// Reason says what is wrong, without secrets.
	Reason string
	// Err is ErrUnavailable if it may be possible later, else nil.
	Err error
}

// Error is the reason.
func (e *SourceError) Error() string { return "read the database to adopt: " + e.Reason }

// Unwrap is Err.
func (e *SourceError) Unwrap() error { return e.Err }
