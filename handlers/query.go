package handlers

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"tenantry/handlers/problem"
	"tenantry/tenants/text"
	"tenantry/tenants/web"
)

// Takes declares the parameters that a route's query may hold, each at most
// once. A query that can't be parsed or holds another parameter is answered
// with 400, and a path or value that no row can hold with 404 or 422. Do and
// Unscoped declare the same beside their handler.
func Takes(parameters ...string) gin.HandlerFunc {
	return func(c *gin.Context) {
		if err := CheckQuery(c, parameters...); err != nil {
			problem.Fail(c, err)
		}
	}
}

// CheckQuery returns the error with which Takes ends the request, or nil.
// After it the accessors of gin.Context read the query without loss.
func CheckQuery(c *gin.Context, parameters ...string) error {
	for i := range c.Params {
		if !storable(c.Params[i].Value) {
			return gorm.ErrRecordNotFound
		}
	}
	if c.Request.URL.RawQuery == "" {
		return nil
	}
	return checkPairs(c.Request.URL.RawQuery, parameters)
}

// checkPairs checks the pairs of a query. net/url drops those that it can't
// parse without an error that handlers see.
func checkPairs(query string, known []string) error {
	var bad faults
	var seen []string
	for pair := range strings.SplitSeq(query, "&") {
		if pair == "" {
			continue
		}
		name, value, err := parsePair(pair)
		switch {
		case err != nil:
			return problem.Malformed(fmt.Sprintf("The query can't be parsed at %q: parameters are separated by &, and %% begins an escape such as %%20.", shorten(strings.ToValidUTF8(pair, "\ufffd"))))
		case !slices.Contains(known, name):
			return problem.Malformed(fmt.Sprintf("The query parameter %q is unknown. %s", shorten(strings.ToValidUTF8(name, "\ufffd")), knownParameters(known)))
		case slices.Contains(seen, name):
			return problem.Malformed(fmt.Sprintf("The query parameter %q is there twice.", name))
		case !storable(value):
			bad.add(name, notText)
		}
		seen = append(seen, name)
	}
	return bad.err()
}

// parsePair parses a pair as net/url does.
func parsePair(pair string) (name, value string, err error) {
	if strings.Contains(pair, ";") {
		return "", "", fmt.Errorf("semicolon in %q", pair)
	}
	name, value, _ = strings.Cut(pair, "=")
	if name, err = url.QueryUnescape(name); err != nil {
		return "", "", err
	}
	value, err = url.QueryUnescape(value)
	return name, value, err
}

// knownParameters names the parameters that a route takes.
func knownParameters(known []string) string {
	if len(known) == 0 {
		return "There are none here."
	}
	return "Known are: " + strings.Join(known, ", ") + "."
}

// ReadForm returns the fields of a form that was posted. It is ReadFields that
// also returns a 422 for text that no row can hold.
func ReadForm(c *gin.Context, known ...string) (url.Values, error) {
	posted, err := ReadFields(c, known...)
	if err != nil {
		return nil, err
	}
	var bad faults
	for _, name := range known {
		if !storable(posted.Get(name)) {
			bad.add(name, notText)
		}
	}
	return posted, bad.err()
}

// ReadFields returns the fields of a form that was posted, whose text its caller
// checks. Fields other than the known ones are a 422, a body that is no form a
// 400 or 415.
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

// KeepForm remembers what was posted, for an error page that shows it again.
func KeepForm(c *gin.Context, posted url.Values) { c.Set(keptFormKey{}, posted) }

// KeptForm is what was posted, and whether it was read.
func KeptForm(c *gin.Context) (posted url.Values, ok bool) {
	value, _ := c.Get(keptFormKey{})
	posted, ok = value.(url.Values)
	return posted, ok
}

// CheckForm returns a 422 for fields of a form that are unknown or there more
// than once.
func CheckForm(posted url.Values, known ...string) error {
	var bad faults
	for _, name := range slices.Sorted(maps.Keys(posted)) {
		switch values := posted[name]; {
		case !slices.Contains(known, name):
			bad.add(shorten(strings.ToValidUTF8(name, "\ufffd")), "is unknown")
		case len(values) > 1:
			bad.add(name, "is there twice")
		}
	}
	return bad.err()
}

// ParseNumber reads a number from least to most, which has one spelling.
func ParseNumber(digits string, least, most int) (int, bool) {
	n, err := strconv.Atoi(digits)
	return n, err == nil && n >= least && n <= most && strconv.Itoa(n) == digits
}

const notText = text.NotText

// storable tells whether every engine can store the text.
func storable(s string) bool { return text.Storable(s) }

// isText is storable for text that came as JSON, in which encoding/json puts
// U+FFFD in the place of broken bytes and lone surrogates.
func isText(s string) bool { return storable(s) && !strings.ContainsRune(s, utf8.RuneError) }
