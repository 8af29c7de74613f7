package operator

import (
	"net/http"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"tenantry/handlers/problem"
	"tenantry/tenants/traffic"
)

// readTop lists what the busiest tenants do now, in all processes. ?sort= chooses
// the order.
func (a *API) readTop(c *gin.Context) error {
	limit, err := readLimit(c)
	if err != nil {
		return err
	}
	sort, given := c.GetQuery("sort")
	switch {
	case !given:
		sort = "requests"
	case !slices.Contains(traffic.Sorts(), sort):
		return problem.InvalidField("sort", "must be one of: "+strings.Join(traffic.Sorts(), ", "))
	}
	now, err := a.top.Read(c.Request.Context(), sort, limit)
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, now)
	return nil
}
