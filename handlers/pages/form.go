package pages

import (
	"strconv"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"tenantry/handlers/look"
	"tenantry/handlers/problem"
	"tenantry/handlers/request"
)

// form is a form as it is shown, and how what comes of it is read.
type form struct{ look.Form }

type (
	field  = look.Field
	option = look.Option
)

// newForm makes a form of fields without ids.
func newForm(id, action, submit string, fields ...field) *form {
	return &form{look.NewForm(id, action, submit, fields...)}
}

// renewing has htmx renew only the part of the page with the id.
func (f *form) renewing(id string) *form { f.Target = id; return f }

// values sets what the fields hold, in their order.
func (f *form) values(values ...string) *form { f.Set(values...); return f }

// read takes what was posted into the fields, and out of them what the
// operations take. The body may hold the others too.
func (f *form) read(c *gin.Context, others ...string) (*request.Input, error) {
	if err := f.Read(c, others...); err != nil {
		return nil, err
	}
	values := map[string]any{}
	for _, field := range f.Fields {
		values[field.Name] = input(field)
	}
	return request.NewInput(values), nil
}

// input is the field's value as the operations take it.
func input(f field) any {
	if f.Clears && f.Value == "" {
		return nil
	}
	if number, err := strconv.ParseInt(f.Value, 10, 64); f.Number && err == nil {
		return number
	}
	return f.Value
}

// passwordField is the field in which people confirm with their own password.
func passwordField(label string, required bool) field {
	return field{Name: "password", Label: label, Kind: "password", Autocomplete: "current-password", Required: required}
}

// refuse shows in the form why it was not accepted, and hides what is secret.
// It is false for errors that have a page of their own.
func (f *form) refuse(c *gin.Context, err error) (status int, ok bool) {
	if err == nil {
		return 0, false
	}
	p := problem.Describe(c, err)
	if !f.Refuse(p) {
		return 0, false
	}
	return p.Status, true
}

// attempt runs an operation in a savepoint. If it fails, nothing of it remains, and a
// page can be read from tx afterwards, on every engine.
func attempt[T any](tx *gorm.DB, operation func(tx *gorm.DB) (T, error)) (made T, err error) {
	err = tx.Transaction(func(tx *gorm.DB) error {
		made, err = operation(tx)
		return err
	})
	return made, err
}
