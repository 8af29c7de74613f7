package operator

import (
	"errors"
	"strings"

	"github.com/gin-gonic/gin"

	"tenantry/handlers/problem"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/text"
)

// NameHeader is the request header with the operator's name for the ledger.
// Whoever has the token is trusted to tell it.
const NameHeader = "Tenantry-Operator"

// maxName is the longest name of an operator, in characters.
const maxName = 100

var errName = errors.New("a name of at most 100 characters in one line, not blank and without control characters, other than system and seed")

// isOurs tells whether a name is this program's in the ledger: that of what is
// done when it is due, and that of the demo tenants.
func isOurs(name string) bool {
	return strings.EqualFold(name, string(lifecycle.System)) || strings.EqualFold(name, seed)
}

// seed is whom the ledger names for the demo tenants.
const seed = "seed"

// ParseName checks an operator's name. The error says what would be right.
func ParseName(name string) (lifecycle.Operator, error) {
	name = strings.TrimSpace(name)
	if text.Line(name, maxName) != "" || isOurs(name) {
		return "", errName
	}
	return lifecycle.Operator(name), nil
}

// nameOf is who sent the request: "operator" where it doesn't say.
func nameOf(c *gin.Context) (lifecycle.Operator, error) {
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
