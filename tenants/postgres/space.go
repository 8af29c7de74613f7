package postgres

import "tenantry/tenants"

var _ tenants.Measured = (*Engine)(nil)

// SizeSQL returns a query for what the tenant's tables use on the server's disk. The server reads the size of
// each of their files; the cost doesn't grow with the number of rows. Deleted rows count until VACUUM has
// reclaimed their space.
func (e *Engine) SizeSQL() string { return e.layout.sizeSQL() }

// Free returns zeros: the free space on the server's disk is unknown.
func (e *Engine) Free() (free, total int64, err error) { return 0, 0, nil }
