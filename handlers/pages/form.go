package pages

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"tenantry/handlers"
	"tenantry/tenants"
)

// form is a form as it is shown, and how what comes of it is read.
type form struct {
	// ID begins the ids of what is in it: no two on a page have the same.
	ID     string
	Action string
	Submit string
	Fields []field
	// Target is the id of the part of the page that htmx renews; empty for all.
	Target string
	// Problem is why the form as a whole was not accepted.
	Problem string
}

// field is a field of a form, named like the member of the API.
type field struct {
	ID, Name, Label string
	// Kind is the type of an input, or select, textarea or hidden.
	Kind         string
	Value        string
	Options      []option
	Hint         string
	Autocomplete string
	Required     bool
	Autofocus    bool
	// Fault is what is wrong with the value.
	Fault string

	// clears says that an empty value stands for null, number that others
	// stand for whole numbers.
	clears, number bool
}

// option is a choice of a select.
type option struct{ Value, Label string }

// Hidden tells whether the field has nothing to see.
func (f field) Hidden() bool { return f.Kind == "hidden" }

// Refused tells whether something is wrong with what was typed.
func (f *form) Refused() bool {
	return f.Problem != "" || slices.ContainsFunc(f.Fields, func(field field) bool { return field.Fault != "" })
}

// newForm makes a form of fields without ids.
func newForm(id, action, submit string, fields ...field) *form {
	for i := range fields {
		fields[i].ID = id + "-" + fields[i].Name
		fields[i].Kind = cmp.Or(fields[i].Kind, "text")
	}
	return &form{ID: id, Action: action, Submit: submit, Fields: fields}
}

// renewing has htmx renew only the part of the page with the id.
func (f *form) renewing(id string) *form { f.Target = id; return f }

// values sets what the fields hold, in their order.
func (f *form) values(values ...string) *form {
	for i := range values {
		f.Fields[i].Value = values[i]
	}
	return f
}

// value is what a field holds.
func (f *form) value(name string) string {
	for _, field := range f.Fields {
		if field.Name == name {
			return field.Value
		}
	}
	return ""
}

// read takes what was posted into the fields, and out of them what the
// operations take.
func (f *form) read(c *gin.Context) (*handlers.Input, error) {
	posted, err := postForm(c)
	if err != nil {
		return nil, err
	}
	values := map[string]any{}
	for i := range f.Fields {
		field := &f.Fields[i]
		field.Value = strings.ReplaceAll(posted.Get(field.Name), "\r\n", "\n") // as browsers end lines
		values[field.Name] = field.input()
	}
	return handlers.NewInput(values), nil
}

// postForm is the body of the request, which a form sent.
func postForm(c *gin.Context) (url.Values, error) {
	err := c.Request.ParseForm()
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, tenants.ErrBodyTooLarge
	case err != nil:
		return nil, errors.Join(tenants.ErrBodyUnreadable, err)
	}
	return c.Request.PostForm, nil
}

// input is the field's value as the operations take it.
func (f field) input() any {
	if f.clears && f.Value == "" {
		return nil
	}
	if number, err := strconv.ParseInt(f.Value, 10, 64); f.number && err == nil {
		return number
	}
	return f.Value
}

// refuse shows in the form why it was not accepted, and hides what is secret.
// It is false for errors that have a page of their own.
func (f *form) refuse(c *gin.Context, err error) (status int, ok bool) {
	if err == nil {
		return 0, false
	}
	p := handlers.Describe(c, err)
	switch p.Status {
	case http.StatusUnprocessableEntity, http.StatusConflict, http.StatusUnauthorized, http.StatusTooManyRequests:
	default:
		return 0, false
	}
	f.Problem = p.Detail
	if len(p.Errors) > 0 {
		f.Problem = ""
	}
	for _, fault := range p.Errors {
		f.blame(fault)
	}
	for i := range f.Fields {
		if f.Fields[i].Kind == "password" {
			f.Fields[i].Value = ""
		}
	}
	return p.Status, true
}

// blame puts a fault to its field, or to the form where there is none to see.
func (f *form) blame(fault handlers.Fault) {
	for i := range f.Fields {
		if field := &f.Fields[i]; field.Name == fault.Field && !field.Hidden() {
			field.Fault = field.Label + " " + fault.Message + "."
			return
		}
	}
	f.Problem = strings.TrimSpace(f.Problem + " " + strings.TrimSpace(fault.Field+" "+fault.Message) + ".")
}

// attempt runs an operation of which nothing remains when it fails, so that a
// page can be read from tx afterwards, on every engine.
func attempt(tx *gorm.DB, operation func(tx *gorm.DB) error) error {
	return tx.Transaction(operation)
}
