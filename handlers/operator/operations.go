package operator

import (
	"errors"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/oklog/ulid/v2"

	"tenantry/tenants"
)

// listOperations lists what was done to tenants, the newest first. ?tenant=,
// ?kind=, ?state=, ?by=, ?since=, ?until= and ?unfinished=true narrow it.
func (a *API) listOperations(c *gin.Context) error {
	limit, err := readLimit(c)
	if err == nil {
		err = noneEmpty(c, "tenant", "kind", "state", "by", "since", "until", "unfinished", "after")
	}
	if err != nil {
		return err
	}
	filter, err := a.Operations(c.Request.Context(), OperationFilter{
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
	c.JSON(http.StatusOK, Operations(page, next))
	return nil
}

// OperationsAfter is the id below which a page of operations begins.
func OperationsAfter(c *gin.Context) (string, error) { return readAfter(c, IsOperationID) }

// IsOperationID tells whether an operation can have the id, a lower-case ULID.
func IsOperationID(text string) bool {
	_, err := ulid.ParseStrict(text)
	return err == nil && text == strings.ToLower(text)
}

// unknownTenant is err, or a *FilterError where there is no such tenant.
func unknownTenant(err error) error {
	if errors.Is(err, tenants.ErrUnknownTenant) {
		return &FilterError{"tenant", "is not the subdomain or id of a tenant"}
	}
	return err
}
