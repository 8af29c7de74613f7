package operator

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"tenantry/handlers/auth"
	"tenantry/handlers/problem"
	"tenantry/tenants/operators"
)

// errToken means that the request doesn't contain an operator's token.
var errToken = problem.New(problem.ErrUnauthenticated, "Send an operator's token as Authorization: Bearer.")

// Doors lets operators in: with the one token of the settings, whose holder is an owner, or with a token of their account.
// It is safe for concurrent use.
type Doors struct {
	one      [sha256.Size]byte
	accounts *operators.Accounts
}

// NewDoors returns Doors for the one token and the accounts.
func NewDoors(token string, accounts *operators.Accounts) *Doors {
	return &Doors{sha256.Sum256([]byte(token)), accounts}
}

// Identify returns who has a token. The name is empty for the one token, which is compared in constant time. Returns
// operators.ErrNoToken.
func (d *Doors) Identify(ctx context.Context, token string) (operators.Identity, error) {
	got := sha256.Sum256([]byte(token))
	if subtle.ConstantTimeCompare(got[:], d.one[:]) == 1 {
		return operators.Identity{Role: operators.Owner}, nil
	}
	return d.accounts.Identify(ctx, token)
}

// Standing returns who someone is now that signed in earlier. Returns operators.ErrNoToken if their token was revoked.
func (d *Doors) Standing(ctx context.Context, who operators.Identity) (operators.Identity, error) {
	return standing(ctx, d.accounts, who)
}

// standing is Doors.Standing.
func standing(ctx context.Context, accounts *operators.Accounts, who operators.Identity) (operators.Identity, error) {
	if who.TokenID == "" {
		return who, nil
	}
	return accounts.Standing(ctx, who.TokenID)
}

// Guard ends requests without a token in Authorization with a 401, and those that the operator's role doesn't allow with a
// 403.
func (d *Doors) Guard(c *gin.Context) {
	token, ok := bearer(c.Request.Header)
	who, err := operators.Identity{}, operators.ErrNoToken
	if ok {
		who, err = d.Identify(c.Request.Context(), token)
	}
	switch {
	case errors.Is(err, operators.ErrNoToken):
		AskForToken(c)
	case err != nil:
		problem.Fail(c, err)
	default:
		Let(c, who)
	}
}

// Let accepts the operator for a request, or ends it with a 403 if their role doesn't allow it. It reports whether it
// accepted them.
func Let(c *gin.Context, who operators.Identity) bool {
	need := needs(c.Request, c.FullPath())
	if !who.Role.Allows(need) {
		problem.Fail(c, problem.New(problem.ErrForbidden, "This needs the role "+string(need)+", and "+who.Name+" is "+string(who.Role)+"."))
		return false
	}
	c.Set(identityKey{}, who)
	return true
}

type identityKey struct{}

// Current returns the operator who sent the request. It works below Guard only.
func Current(c *gin.Context) operators.Identity {
	value, _ := c.Get(identityKey{})
	who, _ := value.(operators.Identity)
	return who
}

// AskForToken ends the request with a 401 in JSON, even if the client prefers a
// page.
func AskForToken(c *gin.Context) {
	p := problem.Describe(c, errToken)
	c.Header("WWW-Authenticate", `Bearer realm="operator"`)
	p.Write(c)
	c.Abort()
}

// bearer returns the token in the header's only Authorization line, and whether there is one.
func bearer(header http.Header) (token string, ok bool) {
	lines := header.Values("Authorization")
	if len(lines) != 1 {
		return "", false
	}
	token, err := auth.Bearer(lines[0])
	return token, err == nil
}

// asks reports whether a query has a parameter with another value than false.
func asks(query url.Values, parameter string) bool {
	return slices.ContainsFunc(query[parameter], func(value string) bool { return value != "false" })
}

// needs returns the role that a request to a route needs, on the API and in the console. What only reads is for viewers, and
// what changes something for operators; the exceptions stand here.
func needs(r *http.Request, route string) operators.Role {
	reads := r.Method == http.MethodGet || r.Method == http.MethodHead
	path, query := strings.TrimPrefix(route, "/api"), r.URL.Query()
	switch {
	case path == "/operators", strings.HasPrefix(path, "/operators/"),
		strings.HasSuffix(path, "/purge"), strings.HasSuffix(path, "/erase"),
		path == "/servers" && r.Method == http.MethodPost, // to a server of their own they could move what they may not export
		path == "/servers/:server/pooler",                 // it reads what tenants ask and are answered
		r.Method == http.MethodDelete && asks(query, "purge"),
		strings.HasSuffix(path, "/export") && asks(query, "credentials"):
		return operators.Owner
	case !reads, strings.HasSuffix(path, "/export"), strings.HasPrefix(path, "/debug/"),
		strings.HasSuffix(path, "/enter"): // its form names people
		return operators.Operator
	}
	return operators.Viewer
}
