package operator

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"tenantry/tenants/document"
	"tenantry/tenants/lifecycle"
)

// examine reports what is wrong.
func (a *API) examine(c *gin.Context) error { return a.checkup(c, false) }

// repair is like examine, and repairs what it can.
func (a *API) repair(c *gin.Context) error { return a.checkup(c, true) }

// checkup answers when the checkup has ended. With many thousand tenants that can
// take longer than the server allows; then use the command instead.
func (a *API) checkup(c *gin.Context, repair bool) error {
	by, err := nameOf(c)
	if err != nil {
		return err
	}
	findings, err := a.doctor(c.Request.Context(), lifecycle.Checkup{Repair: repair, By: by})
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, document.ListOf(findings, ""))
	return nil
}
