package operator

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"

	"github.com/gin-gonic/gin"

	"tenantry/handlers/auth"
	"tenantry/handlers/problem"
)

// errToken means that the request doesn't contain the operator's token.
var errToken = problem.New(problem.ErrUnauthenticated, "Send the operator's token as Authorization: Bearer.")

// Guard returns a handler that ends requests without the token in Authorization
// with a 401. It compares in constant time.
func Guard(token string) gin.HandlerFunc {
	want := sha256.Sum256([]byte(token))
	return func(c *gin.Context) {
		if !carries(c.Request.Header, want) {
			AskForToken(c)
		}
	}
}

// AskForToken ends the request with a 401 in JSON, even if the client prefers a
// page.
func AskForToken(c *gin.Context) {
	p := problem.Describe(c, errToken)
	c.Header("WWW-Authenticate", `Bearer realm="operator"`)
	p.Write(c)
	c.Abort()
}

// carries reports whether the header contains the token in its only Authorization
// line.
func carries(header http.Header, want [sha256.Size]byte) bool {
	lines := header.Values("Authorization")
	if len(lines) != 1 {
		return false
	}
	text, err := auth.Bearer(lines[0])
	got := sha256.Sum256([]byte(text))
	return subtle.ConstantTimeCompare(got[:], want[:]) == 1 && err == nil
}
