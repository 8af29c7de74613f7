package lifecycle_test

import "tenantry/tenants/tenantstest"

// An operator's way leads through the engine, so it is walked on each placement.
func init() { tenantstest.WithSchemas() }
