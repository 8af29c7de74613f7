package postgres

import "tenantry/tenants"

var _ tenants.Measured = (*Engine)(nil)

// SizeSQL is what the database takes on the server's disk. The server looks at
// the size of each of its files, which doesn't grow with the rows in them. Rows
// that were deleted count until VACUUM gives their space back.
func (e *Engine) SizeSQL() string { return "SELECT pg_database_size(current_database())" }

// Free is not known: the disk is the server's.
func (e *Engine) Free() (free, total int64, err error) { return 0, 0, nil }
