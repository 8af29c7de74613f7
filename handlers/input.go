package handlers

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"

	"tenantry/handlers/problem"
	"tenantry/models"
)

// Input holds the values of a request by name: the members of a JSON body, or the
// fields of a form. Operations take them out one by one; done then reports those
// that nobody took. An Input can be used by one operation only.
type Input struct {
	faults
	members map[string]json.RawMessage
	// changed are the names of the members that member and nullable stored and whose
	// value was another before. Columns have the same names.
	changed []string
}

// NewInput makes an Input of values that did not come as JSON: strings, whole
// numbers, booleans, and nil for null. It panics for others.
func NewInput(values map[string]any) *Input {
	in := &Input{members: map[string]json.RawMessage{}}
	for name, value := range values {
		raw, err := json.Marshal(value)
		if err != nil {
			panic(err) // the program gave something else
		}
		in.members[name] = raw
	}
	return in
}

// parseInput reads the members of one JSON object. Names are case-sensitive, and a name
// that is there twice is a fault: encoding/json would take the last one.
func parseInput(data []byte) (*Input, error) {
	const notJSON = "The body is not well-formed JSON."
	if !json.Valid(data) {
		return nil, problem.Malformed(notJSON)
	}
	in := NewInput(nil)
	decoder := json.NewDecoder(bytes.NewReader(data))
	if first, _ := decoder.Token(); first != json.Delim('{') {
		in.add("", "must be a JSON object")
		return nil, in.err()
	}
	for decoder.More() {
		name, _ := decoder.Token() // the text is valid
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return nil, problem.Malformed(notJSON)
		}
		if in.has(name.(string)) {
			in.add(shorten(name.(string)), "is there twice")
		}
		in.members[name.(string)] = value
	}
	return in, in.err()
}

// has reports whether the member is there, and was not taken yet.
func (in *Input) has(name string) bool {
	_, ok := in.members[name]
	return ok
}

// require adds a fault for each member that is not there. It goes before they are taken.
func (in *Input) require(names ...string) {
	for _, name := range names {
		if !in.has(name) {
			in.add(name, "is required")
		}
	}
}

// take takes a member out, and reports whether it was there.
func (in *Input) take(name string) (json.RawMessage, bool) {
	raw, ok := in.members[name]
	delete(in.members, name)
	return raw, ok
}

// done adds a fault for each member that nobody took, and returns all faults as an
// error, or nil.
func (in *Input) done() error {
	for _, name := range slices.Sorted(maps.Keys(in.members)) {
		in.add(shorten(name), "is unknown")
	}
	return in.err()
}

// member takes a member out and stores it in dst if it has dst's type and keeps the
// rule; otherwise it adds a fault. It does nothing if the member is not there. Null is a fault.
func member[T comparable](in *Input, name string, dst *T, r rule[T]) {
	raw, ok := in.take(name)
	if !ok {
		return
	}
	if isNull(raw) {
		in.add(name, "must not be null")
		return
	}
	if value, ok := decode(in, name, raw, r); ok && value != *dst {
		*dst = value
		in.changed = append(in.changed, name)
	}
}

// nullable is like member, but null sets dst to nil.
func nullable[T comparable](in *Input, name string, dst **T, r rule[T]) {
	raw, ok := in.take(name)
	if !ok {
		return
	}
	var next *T
	if !isNull(raw) {
		value, ok := decode(in, name, raw, r)
		if !ok {
			return
		}
		next = &value
	}
	if !sameValue(next, *dst) {
		*dst = next
		in.changed = append(in.changed, name)
	}
}

func isNull(raw json.RawMessage) bool { return string(raw) == "null" }

func sameValue[T comparable](a, b *T) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

// decode reads a value and checks it. It returns false if it added a fault.
func decode[T any](in *Input, name string, raw json.RawMessage, r rule[T]) (T, bool) {
	var value T
	if err := json.Unmarshal(raw, &value); err != nil {
		in.add(name, wrongType(value))
		return value, false
	}
	if r != nil {
		if fault := r(value); fault != "" {
			in.add(name, fault)
			return value, false
		}
	}
	return value, true
}

// notADay is the fault of text that is no date.
const notADay = "must be a day such as 2006-01-02"

// wrongType returns the fault of a value that is not of dst's type.
func wrongType(dst any) string {
	switch dst.(type) {
	case bool:
		return "must be true or false"
	case int, int64:
		return "must be a whole number of at most 64 bits"
	case models.Date:
		return notADay
	}
	return "must be a string"
}
