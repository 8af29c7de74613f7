package handlers

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"mime"
	"reflect"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"tenantry/handlers/problem"
	"tenantry/models"
	"tenantry/tenants/web"
)

// faults collects what is wrong with a request, so that the client learns all
// of it at once.
type faults []web.Fault

// maxFaults bounds the reply; who has more learns of them next time.
const maxFaults = 20

func (f *faults) add(field, message string) {
	if len(*f) < maxFaults {
		*f = append(*f, web.Fault{Field: field, Message: message})
	}
}

// err is nil when nothing is wrong.
func (f faults) err() error {
	if len(f) == 0 {
		return nil
	}
	return problem.Invalid(f...)
}

// Input are the values of a request by name: the members of a JSON body, or
// what a page took from a form. They are taken out one by one, and what is left
// over at the end is unknown. An Input is used up by the operation that it is
// given to.
type Input struct {
	faults
	members map[string]json.RawMessage
	// changed are the names of the members whose value was not there before,
	// which are also those of their columns.
	changed []string
}

// NewInput makes an Input of values that didn't come as JSON: strings, whole
// numbers, booleans, and nil for null.
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

// readInput reads the body, which must be one JSON object.
func readInput(c *gin.Context) (*Input, error) {
	data, err := readBody(c, "application/json", isJSON)
	if err != nil {
		return nil, err
	}
	in := &Input{}
	return in, in.read(data)
}

// read reads the members of one JSON object. Their names are exact, and each is
// there once: encoding/json would take the last one.
func (in *Input) read(data []byte) error {
	if !json.Valid(data) {
		return problem.Malformed("The body is not well-formed JSON.")
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	if first, _ := decoder.Token(); first != json.Delim('{') {
		in.add("", "must be a JSON object")
		return in.err()
	}
	in.members = map[string]json.RawMessage{}
	for decoder.More() {
		name, _ := decoder.Token() // the text is valid
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return problem.Malformed("The body is not well-formed JSON.")
		}
		if in.has(name.(string)) {
			in.add(shorten(name.(string)), "is there twice")
		}
		in.members[name.(string)] = value
	}
	return in.err()
}

func isJSON(mediaType string) bool {
	return mediaType == "application/json" || strings.HasPrefix(mediaType, "application/") && strings.HasSuffix(mediaType, "+json")
}

// readBody returns the body if it is of an accepted type; wanted names it in
// the refusal. web.Scoped or web.Buffered has read it into memory.
func readBody(c *gin.Context, wanted string, accepted func(mediaType string) bool) ([]byte, error) {
	data, err := c.GetRawData()
	if err != nil {
		return nil, web.BodyError(err)
	}
	if len(data) == 0 {
		return nil, problem.Malformed("The body is empty.")
	}
	mediaType, params, err := mime.ParseMediaType(c.GetHeader("Content-Type"))
	if err != nil || !accepted(mediaType) {
		return nil, problem.New(problem.ErrMediaType, "The body must be "+wanted+", and Content-Type must say so.")
	}
	if charset, ok := params["charset"]; ok && !strings.EqualFold(charset, "utf-8") {
		return nil, problem.New(problem.ErrMediaType, "The body must be in UTF-8.")
	}
	if coding := c.GetHeader("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return nil, problem.New(problem.ErrMediaType, "The body must not be compressed.")
	}
	return data, nil
}

// Decode reads the body, one JSON object, into the fields of the struct that
// into points to, by the names of their json tags. It faults members that are
// unknown, of the wrong type, or text that no row can hold. Only pointers may be
// null.
func Decode(c *gin.Context, into any) error {
	in, err := readInput(c)
	if err != nil {
		return err
	}
	fields := reflect.ValueOf(into).Elem()
	for i := range fields.NumField() {
		name := fields.Type().Field(i).Tag.Get("json")
		if raw, ok := in.take(name); ok {
			in.fill(name, raw, fields.Field(i))
		}
	}
	return in.done()
}

// fill puts a member into a field of a struct.
func (in *Input) fill(name string, raw json.RawMessage, field reflect.Value) {
	plain := field
	if field.Kind() == reflect.Pointer {
		plain = reflect.New(field.Type().Elem()).Elem()
	} else if isNull(raw) {
		in.add(name, "must not be null")
		return
	}
	switch err := json.Unmarshal(raw, field.Addr().Interface()); {
	case err != nil:
		in.add(name, wrongType(plain.Interface()))
	case !isText(fmt.Sprint(reflect.Indirect(field))):
		in.add(name, notText)
	}
}

// has reports whether the member is there, and not taken yet.
func (in *Input) has(name string) bool {
	_, ok := in.members[name]
	return ok
}

// require faults the members that are not there. It goes before they are taken.
func (in *Input) require(names ...string) {
	for _, name := range names {
		if !in.has(name) {
			in.add(name, "is required")
		}
	}
}

// take takes a member out of the object.
func (in *Input) take(name string) (json.RawMessage, bool) {
	raw, ok := in.members[name]
	delete(in.members, name)
	return raw, ok
}

// done faults the members that nobody took, and returns all faults.
func (in *Input) done() error {
	for _, name := range slices.Sorted(maps.Keys(in.members)) {
		in.add(shorten(name), "is unknown")
	}
	return in.err()
}

// shorten keeps a name that came from outside from filling the reply.
func shorten(name string) string {
	if runes := []rune(name); len(runes) > 64 {
		return string(runes[:64]) + "…"
	}
	return name
}

// member puts a member that is there into dst, if it is of dst's type and
// keeps the rule; else dst stays as it is. It can't be null.
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

// nullable is like member, for one that null clears.
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

// decode reads a value and checks it. It is false when a fault was added.
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

const notADay = "must be a day such as 2006-01-02"

// wrongType says what a value of dst's type looks like.
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
