package sqlite

import "tenantry/tenants"

var _ tenants.Interactive = (*Engine)(nil)

// Client returns SQLite's shell. It waits for other connections and enforces foreign keys, as those of the engine do, but
// knows no limit on the database's size.
func (e *Engine) Client(t *tenants.Tenant, write bool) (tenants.Client, error) {
	name, err := fileName(t)
	if err != nil {
		return tenants.Client{}, err
	}
	args := []string{"-cmd", ".timeout 10000", "-cmd", "PRAGMA foreign_keys = ON"}
	if !write {
		args = append(args, "-readonly")
	}
	return tenants.Client{Program: "sqlite3", Args: append(args, e.files.path(name))}, nil
}
