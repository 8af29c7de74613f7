package operator

import (
	"errors"
	"strings"

	"github.com/gin-gonic/gin"

	"tenantry/handlers/problem"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/text"
)

// NameHeader is the request header with the operator's name for the ledger. Clients
// with the one token are trusted to send the right name; with the token of an account the header counts for nothing.
const NameHeader = "Tenantry-Operator"

// maxName is the longest name of an operator, in characters.
const maxName = 100

var errName = errors.New("a name of at most 100 characters in one line, not blank and without control characters, other than system and seed")

// isOurs reports whether the ledger uses a name for this program itself: for
// operations that were due, or for the demo tenants.
func isOurs(name string) bool {
	return strings.EqualFold(name, string(lifecycle.System)) || strings.EqualFold(name, seed)
}

// seed is the ledger's name for the program that makes the demo tenants.
const seed = "seed"

// ParseName checks an operator's name. The error says which names are valid.
func ParseName(name string) (lifecycle.Operator, error) {
	name = strings.TrimSpace(name)
	if text.Line(name, maxName) != "" || isOurs(name) {
		return "", errName
	}
	return lifecycle.Operator(name), nil
}

// nameOf returns the name of the operator who sent the request. Defaults to
// "operator".
func nameOf(c *gin.Context) (lifecycle.Operator, error) {
	if who := Current(c); who.Name != "" {
		return lifecycle.Operator(who.Name), nil
	}
	name := c.GetHeader(NameHeader)
	if name == "" {
		return "operator", nil
	}
	by, err := ParseName(name)
	if err != nil {
		return "", problem.InvalidField(NameHeader, "must be "+err.Error())
	}
	return by, nil
}
