package web

import (
	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"tenantry/tenants"
)

type (
	tenantKey struct{}
	txKey     struct{}
)

// From is the tenant of the request. It panics on a route without Resolve,
// which is a fault of the program.
func From(c *gin.Context) *tenants.Tenant { return c.MustGet(tenantKey{}).(*tenants.Tenant) }

// Resolved is the tenant of the request, and whether Resolve found one.
func Resolved(c *gin.Context) (*tenants.Tenant, bool) {
	value, ok := c.Get(tenantKey{})
	if !ok {
		return nil, false
	}
	t, ok := value.(*tenants.Tenant)
	return t, ok
}

// Tx is the request's transaction, valid until the handler returns: also
// c.Copy() must not carry it into a goroutine. It panics on a route without
// Scoped, which is a fault of the program.
func Tx(c *gin.Context) *gorm.DB { return c.MustGet(txKey{}).(*gorm.DB) }
