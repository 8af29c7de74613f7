package app

import (
	"errors"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"tenantry/tenants"
)

// renderMoves redirects requests for the old subdomain of a renamed tenant to
// the new one, for as long as its operator wants that; next renders other
// errors. The status is 307, because the redirect is temporary and must repeat
// a POST with its body. Clients don't send one host's credentials to another.
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
