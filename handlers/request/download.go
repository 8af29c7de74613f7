package request

import (
	"mime"
	"net/http"

	"github.com/gin-gonic/gin"

	"tenantry/tenants/lifecycle"
)

// SendDownload sends a tenant's portable file for saving, and closes it. It is for routes outside of web.Scoped.
func SendDownload(c *gin.Context, subdomain string, d *lifecycle.Download) error {
	c.DataFromReader(http.StatusOK, d.Size, "application/vnd.sqlite3", d, map[string]string{
		"Content-Disposition": mime.FormatMediaType("attachment", map[string]string{"filename": subdomain + ".db"}),
		"Cache-Control":       "no-store",
	})
	return d.Close()
}
