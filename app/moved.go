package app

import (
	"errors"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"tenantry/tenants"
)

// followMoves sends requests for the old subdomain of a tenant that was renamed
// on to the new one, for as long as its operator wants that. The status is 307:
// it ends, and what is posted is posted again. Credentials don't come with it,
// as clients give none of one host to another.
func followMoves(origin func(name string) string) gin.HandlerFunc {
	return func(c *gin.Context) {
		c.Next()
		var moved *tenants.MovedError
		last := c.Errors.Last()
		if last == nil || !errors.As(last.Err, &moved) || !strings.HasPrefix(c.Request.URL.Path, "/") {
			return
		}
		c.Redirect(http.StatusTemporaryRedirect, origin(moved.Subdomain)+c.Request.URL.RequestURI())
		c.Writer.WriteHeaderNow()
	}
}
