package request

import (
	"tenantry/handlers/problem"
	"tenantry/tenants/web"
)

// Faults collects what is wrong with a request, so that the client learns all of it
// at once. The zero value is empty.
type Faults []web.Fault

// MaxFaults bounds the reply. A client with more faults learns of them the next time.
const MaxFaults = 20

// Add adds a fault. The message follows the field's name, as in "must be a string".
func (f *Faults) Add(field, message string) {
	if len(*f) < MaxFaults {
		*f = append(*f, web.Fault{Field: field, Message: message})
	}
}

// Err returns problem.ErrInvalid with the faults, or nil if there are none.
func (f Faults) Err() error {
	if len(f) == 0 {
		return nil
	}
	return problem.Invalid(f...)
}

// Shorten keeps a name that came from outside from filling the reply.
func Shorten(name string) string {
	if runes := []rune(name); len(runes) > 64 {
		return string(runes[:64]) + "…"
	}
	return name
}
