package operator

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"

	"tenantry/handlers/auth"
)

// errToken: the request doesn't carry the operator's token.
var errToken = errors.New("operator's token is missing or wrong")

// Guard ends requests that don't carry the token in Authorization, with a 401.
// The comparison takes as long whatever was sent.
func Guard(token string) gin.HandlerFunc {
	want := sha256.Sum256([]byte(token))
	return func(c *gin.Context) {
		if !carries(c.Request.Header, want) {
			AskForToken(c)
		}
	}
}

// AskForToken ends the request with a 401.
func AskForToken(c *gin.Context) {
	c.Header("WWW-Authenticate", `Bearer realm="operator"`)
	refuse(c, &problem{status: http.StatusUnauthorized, name: "unauthenticated", title: "Not signed in",
		detail: "Send the operator's token as Authorization: Bearer.", err: errToken})
}

// carries tells whether the header holds the token, once.
func carries(header http.Header, want [sha256.Size]byte) bool {
	lines := header.Values("Authorization")
	if len(lines) != 1 {
		return false
	}
	text, err := auth.Bearer(lines[0])
	got := sha256.Sum256([]byte(text))
	return subtle.ConstantTimeCompare(got[:], want[:]) == 1 && err == nil
}
