package operator

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"tenantry/tenants/document"
	"tenantry/tenants/lifecycle"
)

// examine lists what is wrong.
func (a *API) examine(c *gin.Context) error { return a.checkup(c, false) }

// repair mends what can be mended, and lists what was wrong.
func (a *API) repair(c *gin.Context) error { return a.checkup(c, true) }

// checkup answers when it is over. Of many thousand tenants that may be later
// than the server lets an answer take; then the command is the way.
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
