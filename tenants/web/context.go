package web

import (
	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"tenantry/tenants"
)

type (
	tenantKey struct{}
	txKey     struct{}
	// admittedKey marks requests that were counted against their tenant's limit.
	admittedKey struct{}
)

// From returns the request's tenant. It panics on a route without Resolve, which is a bug in
// the program.
func From(c *gin.Context) *tenants.Tenant { return c.MustGet(tenantKey{}).(*tenants.Tenant) }

// Resolved returns the request's tenant, and reports whether Resolve found one.
func Resolved(c *gin.Context) (*tenants.Tenant, bool) {
	value, ok := c.Get(tenantKey{})
	if !ok {
		return nil, false
	}
	t, ok := value.(*tenants.Tenant)
	return t, ok
}

// Tx returns the request's transaction. It is valid until the handler returns; a goroutine must
// not use it, not even through c.Copy(). Tx panics on a route without Scoped, which is a bug in
// the program.
func Tx(c *gin.Context) *gorm.DB { return c.MustGet(txKey{}).(*gorm.DB) }
