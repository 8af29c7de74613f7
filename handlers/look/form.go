package look

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"tenantry/handlers/request"
	"tenantry/tenants/web"
)

// Form is a form as it is shown.
type Form struct {
	// ID begins the ids of what is in it: no two on a page have the same.
	ID     string
	Action string
	Submit string
	Fields []Field
	// Target is the id of the part of the page that htmx renews; empty for all.
	Target string
	// Beside is the id of another part that htmx renews with it; empty for none.
	Beside string
	// Problem is why the form as a whole was not accepted.
	Problem string
}

// Field is a field of a form, named like the member of the API.
type Field struct {
	ID, Name, Label string
	// Kind is the type of an input, or select, textarea or hidden.
	Kind         string
	Value        string
	Options      []Option
	Hint         string
	Autocomplete string
	Required     bool
	Autofocus    bool
	// Fault is what is wrong with the value.
	Fault string

	// Clears says that an empty value stands for null, Number that others stand
	// for whole numbers.
	Clears, Number bool
}

// Option is a choice of a select.
type Option struct{ Value, Label string }

// Hidden tells whether the field has nothing to see.
func (f Field) Hidden() bool { return f.Kind == "hidden" }

// Say is a value in the words of the field.
func (f Field) Say(value string) string {
	for _, o := range f.Options {
		if o.Value == value {
			return o.Label
		}
	}
	if value == "" {
		return "none"
	}
	return value
}

// Refused tells whether something is wrong with what was typed.
func (f *Form) Refused() bool {
	return f.Problem != "" || slices.ContainsFunc(f.Fields, func(field Field) bool { return field.Fault != "" })
}

// NewForm makes a form of fields without ids.
func NewForm(id, action, submit string, fields ...Field) Form {
	for i := range fields {
		fields[i].ID = id + "-" + fields[i].Name
		fields[i].Kind = cmp.Or(fields[i].Kind, "text")
	}
	return Form{ID: id, Action: action, Submit: submit, Fields: fields}
}

// Set sets what the fields hold, in their order.
func (f *Form) Set(values ...string) {
	for i := range values {
		f.Fields[i].Value = values[i]
	}
}

// Value is what a field holds.
func (f *Form) Value(name string) string {
	for _, field := range f.Fields {
		if field.Name == name {
			return field.Value
		}
	}
	return ""
}

// Read takes what was posted into the fields. The body may hold those and the
// others that are named.
func (f *Form) Read(c *gin.Context, others ...string) error {
	for _, field := range f.Fields {
		others = append(others, field.Name)
	}
	posted, err := request.ReadFields(c, others...)
	if err != nil {
		return err
	}
	for i := range f.Fields {
		field := &f.Fields[i]
		field.Value = strings.ReplaceAll(posted.Get(field.Name), "\r\n", "\n") // as browsers end lines
	}
	return nil
}

// Refuse shows in the form why it was not accepted, and hides what is secret.
// It is false for problems that have a page of their own.
func (f *Form) Refuse(p web.Problem) bool {
	switch p.Status {
	case http.StatusUnprocessableEntity, http.StatusConflict, http.StatusUnauthorized, http.StatusTooManyRequests:
	default:
		return false
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
	return true
}

// blame puts a fault to its field, or to the form where there is none to see.
func (f *Form) blame(fault web.Fault) {
	for i := range f.Fields {
		if field := &f.Fields[i]; field.Name == fault.Field && !field.Hidden() {
			field.Fault = field.Label + " " + strings.TrimPrefix(fault.Message, fault.Field+" ") + "."
			return
		}
	}
	f.Problem = strings.TrimSpace(f.Problem + " " + strings.TrimSpace(fault.Field+" "+fault.Message) + ".")
}
