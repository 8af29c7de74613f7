package request

import (
	"errors"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"tenantry/handlers/problem"
	"tenantry/tenants/web"
)

// ReadForm is like ReadFields, and text that no row can hold is a 422.
func ReadForm(c *gin.Context, known ...string) (url.Values, error) {
	posted, err := ReadFields(c, known...)
	if err != nil {
		return nil, err
	}
	var bad Faults
	for _, name := range known {
		if !storable(posted.Get(name)) {
			bad.Add(name, notText)
		}
	}
	return posted, bad.Err()
}

// ReadFields returns the fields of a posted form. Unknown fields are a 422, and a body
// that is no form is a 400 or 415. The caller checks the text.
func ReadFields(c *gin.Context, known ...string) (url.Values, error) {
	if c.Request.ContentLength != 0 && c.ContentType() != "application/x-www-form-urlencoded" {
		return nil, problem.New(problem.ErrMediaType, "The body must be a form, application/x-www-form-urlencoded, and Content-Type must say so.")
	}
	err := c.Request.ParseForm()
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge), errors.Is(err, os.ErrDeadlineExceeded):
		return nil, web.BodyError(err)
	case err != nil:
		return nil, problem.Malformed("The form can't be parsed: fields are separated by &, and % begins an escape such as %20.")
	}
	KeepForm(c, c.Request.PostForm)
	return c.Request.PostForm, CheckForm(c.Request.PostForm, known...)
}

type keptFormKey struct{}

// KeepForm stores what was posted for KeptForm, so that an error page can show it again.
func KeepForm(c *gin.Context, posted url.Values) { c.Set(keptFormKey{}, posted) }

// KeptForm returns what was posted, and whether it was read.
func KeptForm(c *gin.Context) (posted url.Values, ok bool) {
	value, _ := c.Get(keptFormKey{})
	posted, ok = value.(url.Values)
	return posted, ok
}

// CheckForm returns a 422 if fields of a form are unknown or there more than once.
func CheckForm(posted url.Values, known ...string) error {
	var bad Faults
	for _, name := range slices.Sorted(maps.Keys(posted)) {
		switch values := posted[name]; {
		case !slices.Contains(known, name):
			bad.Add(Shorten(strings.ToValidUTF8(name, "\ufffd")), "is unknown")
		case len(values) > 1:
			bad.Add(name, "is there twice")
		}
	}
	return bad.Err()
}
