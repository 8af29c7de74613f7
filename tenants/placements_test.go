package tenants_test

import "tenantry/tenants/tenantstest"

// The engine's contract holds for each placement.
func init() { tenantstest.WithSchemas() }
