package request

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"

	"tenantry/handlers/problem"
	"tenantry/models"
)

// Input holds the values of a request by name: the members of a JSON body, or the
// fields of a form. Operations take them out one by one; Done then reports those
// that were not taken. An Input can be used by one operation only.
type Input struct {
	Faults
	members map[string]json.RawMessage
	// changed are the names of the members that member and nullable stored and whose
	// value was another before. Columns have the same names.
	Changed []string
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

// ParseInput reads the members of one JSON object. Names are case-sensitive, and a name
// that is there twice is a fault: encoding/json would take the last one.
func ParseInput(data []byte) (*Input, error) {
	const notJSON = "The body is not well-formed JSON."
	if !json.Valid(data) {
		return nil, problem.Malformed(notJSON)
	}
	in := NewInput(nil)
	decoder := json.NewDecoder(bytes.NewReader(data))
	if first, _ := decoder.Token(); first != json.Delim('{') {
		in.Add("", "must be a JSON object")
		return nil, in.Err()
	}
	for decoder.More() {
		name, _ := decoder.Token() // the text is valid
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return nil, problem.Malformed(notJSON)
		}
		if in.Has(name.(string)) {
			in.Add(Shorten(name.(string)), "is there twice")
		}
		in.members[name.(string)] = value
	}
	return in, in.Err()
}

// Has reports whether the member is there, and was not taken yet.
func (in *Input) Has(name string) bool {
	_, ok := in.members[name]
	return ok
}

// Require adds a fault for each member that is not there. It goes before they are taken.
func (in *Input) Require(names ...string) {
	for _, name := range names {
		if !in.Has(name) {
			in.Add(name, "is required")
		}
	}
}

// Take takes a member out, and reports whether it was there.
func (in *Input) Take(name string) (json.RawMessage, bool) {
	raw, ok := in.members[name]
	delete(in.members, name)
	return raw, ok
}

// Done adds a fault for each member that was not taken, and returns all faults as an
// error, or nil.
func (in *Input) Done() error {
	for _, name := range slices.Sorted(maps.Keys(in.members)) {
		in.Add(Shorten(name), "is unknown")
	}
	return in.Err()
}

// Member takes a member out and stores it in dst if it has dst's type and keeps the
// rule; otherwise it adds a fault. It does nothing if the member is not there. Null is a fault.
func Member[T comparable](in *Input, name string, dst *T, r rule[T]) {
	raw, ok := in.Take(name)
	if !ok {
		return
	}
	if isNull(raw) {
		in.Add(name, "must not be null")
		return
	}
	if value, ok := decode(in, name, raw, r); ok && value != *dst {
		*dst = value
		in.Changed = append(in.Changed, name)
	}
}

// Nullable is like member, but null sets dst to nil.
func Nullable[T comparable](in *Input, name string, dst **T, r rule[T]) {
	raw, ok := in.Take(name)
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
		in.Changed = append(in.Changed, name)
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
		in.Add(name, wrongType(value))
		return value, false
	}
	if r != nil {
		if fault := r(value); fault != "" {
			in.Add(name, fault)
			return value, false
		}
	}
	return value, true
}

// NotADay is the fault of text that is no date.
const NotADay = "must be a day such as 2006-01-02"

// wrongType returns the fault of a value that is not of dst's type.
func wrongType(dst any) string {
	switch dst.(type) {
	case bool:
		return "must be true or false"
	case int, int64:
		return "must be a whole number of at most 64 bits"
	case map[string]string:
		return "must be an object whose members are strings"
	case []string:
		return "must be a list of strings"
	case models.Date:
		return NotADay
	}
	return "must be a string"
}
