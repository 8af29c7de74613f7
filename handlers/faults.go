package handlers

import (
	"tenantry/handlers/problem"
	"tenantry/tenants/web"
)

// faults collects what is wrong with a request, so that the client learns all of it
// at once. The zero value is empty.
type faults []web.Fault

// maxFaults bounds the reply. A client with more faults learns of them the next time.
const maxFaults = 20

// add adds a fault. The message follows the field's name, as in "must be a string".
func (f *faults) add(field, message string) {
	if len(*f) < maxFaults {
		*f = append(*f, web.Fault{Field: field, Message: message})
	}
}

// err returns problem.ErrInvalid with the faults, or nil if there are none.
func (f faults) err() error {
	if len(f) == 0 {
		return nil
	}
	return problem.Invalid(f...)
}

// shorten keeps a name that came from outside from filling the reply.
func shorten(name string) string {
	if runes := []rune(name); len(runes) > 64 {
		return string(runes[:64]) + "…"
	}
	return name
}
