package problem

import (
	"errors"
	"fmt"
	"math"
	"time"

	"tenantry/tenants/web"
)

// refusal is an error of the table with its own words for the client.
type refusal struct {
	kind   error
	detail string // empty for the table's
	retry  int    // Retry-After in seconds, 0 for the table's
	faults []web.Fault
}

// Error is for the log.
func (r *refusal) Error() string {
	if len(r.faults) > 0 {
		return fmt.Sprintf("%v: %q %s", r.kind, r.faults[0].Field, r.faults[0].Message)
	}
	return fmt.Sprintf("%v: %s", r.kind, r.detail)
}

// Unwrap returns the error that the table lists.
func (r *refusal) Unwrap() error { return r.kind }

// New returns an error of the same kind as an error of the table, with another
// detail for the client.
func New(kind error, detail string) error { return &refusal{kind: kind, detail: detail} }

// Conflict returns an ErrConflict with a detail for the client.
func Conflict(detail string) error { return New(ErrConflict, detail) }

// Malformed returns an ErrMalformed with a detail for the client.
func Malformed(detail string) error { return New(ErrMalformed, detail) }

// Invalid returns an ErrInvalid that lists what is wrong.
func Invalid(faults ...web.Fault) error { return &refusal{kind: ErrInvalid, faults: faults} }

// InvalidField returns an ErrInvalid about one field.
func InvalidField(field, message string) error {
	return Invalid(web.Fault{Field: field, Message: message})
}

// TooMany is like TooManyTries, in other words.
func TooMany(detail string, wait time.Duration) error {
	return &refusal{kind: ErrTooManyTries, detail: detail, retry: int(math.Ceil(wait.Seconds()))}
}

// TooManyTries returns an ErrTooManyTries that says how long to wait.
func TooManyTries(wait time.Duration) error {
	return &refusal{kind: ErrTooManyTries, retry: int(math.Ceil(wait.Seconds()))}
}

// caused is an error of the table whose cause is for the log alone.
type caused struct {
	error
	cause error
}

// Caused returns err for the client, and for the log its cause, which errors.Is
// doesn't find.
func Caused(err, cause error) error { return &caused{err, cause} }

// Error returns the cause's text.
func (c *caused) Error() string { return c.cause.Error() }

// Unwrap returns the error for the client.
func (c *caused) Unwrap() error { return c.error }

// ownWords returns what err, which is of this kind, says for itself.
func ownWords(k web.Kind, err error) refusal {
	var own *refusal
	if errors.As(err, &own) && own.kind == k.Err {
		return *own
	}
	return refusal{}
}
