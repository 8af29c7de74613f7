package app

import (
	"errors"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"tenantry/tenants"
)

// renderMoves sends requests for the old subdomain of a tenant that was renamed
// on to the new one, for as long as its operator wants that; other errors are
// rendered by next. The status is 307: it ends, and what is posted is posted
// again. Credentials don't come with it, as clients give none of one host to
// another.
func renderMoves(origin func(name string) string, next func(c *gin.Context, err error)) func(c *gin.Context, err error) {
	return func(c *gin.Context, err error) {
		var moved *tenants.MovedError
		if !errors.As(err, &moved) || !strings.HasPrefix(c.Request.URL.Path, "/") {
			next(c, err)
			return
		}
		c.Redirect(http.StatusTemporaryRedirect, origin(moved.Subdomain)+c.Request.URL.RequestURI())
		c.Writer.WriteHeaderNow()
	}
}
