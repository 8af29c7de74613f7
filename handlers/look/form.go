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

// Form is a form on a page.
type Form struct {
	// ID is the prefix of all ids in the form. It is unique on the page.
	ID     string
	Action string
	Submit string
	Fields []Field
	// Target is the id of the element that htmx replaces. Defaults to the whole
	// page.
	Target string
	// Beside is the id of another element that htmx replaces too, or empty.
	Beside string
	// Problem says why the form as a whole was refused.
	Problem string
}

// Field is a field of a form. Its name is that of the API's member.
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
	// Fault says what is wrong with the value.
	Fault string

	// Clears means that an empty value stands for null; Number, that other values
	// are whole numbers.
	Clears, Number bool
}

// Option is a choice of a select.
type Option struct{ Value, Label string }

// Hidden reports whether the field is invisible.
func (f Field) Hidden() bool { return f.Kind == "hidden" }

// Say returns a value in words: the label of a select's option.
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

// Refused reports whether something is wrong with what was typed.
func (f *Form) Refused() bool {
	return f.Problem != "" || slices.ContainsFunc(f.Fields, func(field Field) bool { return field.Fault != "" })
}

// NewForm returns a form, and gives its fields ids.
func NewForm(id, action, submit string, fields ...Field) Form {
	for i := range fields {
		fields[i].ID = id + "-" + fields[i].Name
		fields[i].Kind = cmp.Or(fields[i].Kind, "text")
	}
	return Form{ID: id, Action: action, Submit: submit, Fields: fields}
}

// Set sets the values of the fields, in their order.
func (f *Form) Set(values ...string) {
	for i := range values {
		f.Fields[i].Value = values[i]
	}
}

// Value returns the value of a field.
func (f *Form) Value(name string) string {
	for _, field := range f.Fields {
		if field.Name == name {
			return field.Value
		}
	}
	return ""
}

// Read sets the fields to what was posted. The body may contain these fields and
// the others named.
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
		field.Value = strings.ReplaceAll(posted.Get(field.Name), "\r\n", "\n") // browsers send CR LF
	}
	return nil
}

// Refuse adds a problem to the form, and removes secrets from it. It returns false
// if the problem has a page of its own.
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

// blame adds a fault to its field, or to the form if the field is hidden or
// missing.
func (f *Form) blame(fault web.Fault) {
	for i := range f.Fields {
		if field := &f.Fields[i]; field.Name == fault.Field && !field.Hidden() {
			field.Fault = field.Label + " " + strings.TrimPrefix(fault.Message, fault.Field+" ") + "."
			return
		}
	}
	f.Problem = strings.TrimSpace(f.Problem + " " + strings.TrimSpace(fault.Field+" "+fault.Message) + ".")
}
