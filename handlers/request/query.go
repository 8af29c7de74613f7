package request

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"tenantry/handlers/problem"
)

// Query holds the values of a request's query by name, as Input holds those of its
// body: operations read them and add what is wrong with them.
type Query struct {
	Faults
	// Limit is the size of a page unless the query says otherwise.
	Limit  int
	values url.Values
}

// NewQuery returns a Query of the values.
func NewQuery(values url.Values) *Query { return &Query{Limit: defaultLimit, values: values} }

// ReadQuery reads the query of the request, which Takes has checked.
func ReadQuery(c *gin.Context) *Query { return NewQuery(c.Request.URL.Query()) }

// Get returns the value of a parameter, and whether it is there.
func (q *Query) Get(name string) (string, bool) { return q.values.Get(name), q.values.Has(name) }

// Takes returns a handler that declares the parameters that a route's query may hold,
// each at most once. Queries that can't be parsed or hold another parameter get 400; a
// path without the id of a row gets 404, and a value that no row can hold 422. Do and
// Plain declare the same beside their handler.
func Takes(parameters ...string) gin.HandlerFunc {
	return func(c *gin.Context) {
		if err := CheckQuery(c, parameters...); err != nil {
			problem.Fail(c, err)
		}
	}
}

// CheckQuery returns the error with which Takes would end the request, or nil.
// Afterwards the accessors of gin.Context read the query without loss.
func CheckQuery(c *gin.Context, parameters ...string) error {
	for i := range c.Params {
		if !storable(c.Params[i].Value) {
			return gorm.ErrRecordNotFound
		}
	}
	if text, there := c.Params.Get("id"); there {
		if _, ok := ParseID(text); !ok {
			return gorm.ErrRecordNotFound
		}
	}
	if c.Request.URL.RawQuery == "" {
		return nil
	}
	return checkPairs(c.Request.URL.RawQuery, parameters)
}

// checkPairs checks the pairs of a query. net/url silently drops those that it can't
// parse.
func checkPairs(query string, known []string) error {
	var bad Faults
	var seen []string
	for pair := range strings.SplitSeq(query, "&") {
		if pair == "" {
			continue
		}
		name, value, err := parsePair(pair)
		switch {
		case err != nil:
			return problem.Malformed(fmt.Sprintf("The query can't be parsed at %q: parameters are separated by &, and %% begins an escape such as %%20.", Shorten(strings.ToValidUTF8(pair, "\ufffd"))))
		case !slices.Contains(known, name):
			return problem.Malformed(fmt.Sprintf("The query parameter %q is unknown. %s", Shorten(strings.ToValidUTF8(name, "\ufffd")), knownParameters(known)))
		case slices.Contains(seen, name):
			return problem.Malformed(fmt.Sprintf("The query parameter %q is there twice.", name))
		case !storable(value):
			bad.Add(name, notText)
		}
		seen = append(seen, name)
	}
	return bad.Err()
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

// knownParameters returns a sentence with the parameters that a route takes.
func knownParameters(known []string) string {
	if len(known) == 0 {
		return "There are none here."
	}
	return "Known are: " + strings.Join(known, ", ") + "."
}

// ParseNumber reads a whole number from least to most. Each number has one spelling.
func ParseNumber(digits string, least, most int) (int, bool) {
	n, err := strconv.Atoi(digits)
	return n, err == nil && n >= least && n <= most && strconv.Itoa(n) == digits
}
