package operator

import (
	"net/http"

	"tenantry/tenants/document"
	"tenantry/tenants/lifecycle"

	"github.com/gin-gonic/gin"
)

// listOperations lists operations on tenants, the newest first. ?tenant=, ?kind=,
// ?state=, ?by=, ?since=, ?until= and ?unfinished=true filter the list. With ?follow it is a stream.
func (a *API) listOperations(c *gin.Context) error {
	if c.Request.URL.Query().Has("follow") {
		return a.followOperations(c)
	}
	limit, err := readLimit(c)
	if err == nil {
		err = noneEmpty(c, "tenant", "kind", "state", "by", "since", "until", "unfinished", "after")
	}
	if err != nil {
		return err
	}
	filter, err := a.manager.ReadOperationFilter(c.Request.Context(), lifecycle.TypedOperationFilter{
		Tenant: c.Query("tenant"), Kind: c.Query("kind"), State: c.Query("state"), By: c.Query("by"),
		Since: c.Query("since"), Until: c.Query("until"), Unfinished: c.Query("unfinished"),
	})
	if err != nil {
		return err
	}
	after, err := OperationsAfter(c)
	if err != nil {
		return err
	}
	page, next, err := a.manager.Operations(c.Request.Context(), filter, after, limit)
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, document.Operations(page, next))
	return nil
}

// OperationsAfter returns the id after which a page of operations begins.
func OperationsAfter(c *gin.Context) (string, error) { return readAfter(c, lifecycle.IsOperationID) }
