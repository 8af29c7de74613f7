package postgres

import (
	"testing"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/tenantstest/pgcluster"
)

// TestARoleIsLostWhileItIsUsed takes the role from a tenant that has a handle. Scopes of the tenant are answered as if its
// database were away, and those of its neighbour go on.
func TestARoleIsLostWhileItIsUsed(t *testing.T) {
	t.Parallel()
	e := newEngine(t, inSchemas(t, pgcluster.Database(t)))
	for name, sql := range map[string]string{
		"not to be become": "REVOKE {role} FROM {group}",
		"dropped":          "DROP OWNED BY {role}; DROP ROLE {role}",
	} {
		t.Run(name, func(t *testing.T) {
			tenant, neighbour := made(t, e), made(t, e)
			db, beside := handle(t, e, tenant), handle(t, e, neighbour)
			use := func(db *gorm.DB) error {
				return db.Transaction(func(tx *gorm.DB) error { return tx.Exec("SELECT 1").Error })
			}
			if err := use(db); err != nil {
				t.Fatal(err)
			}
			if err := run(t.Context(), e.admin, render(sql, map[string]string{"role": e.layout.roleOf(tenant.Database), "group": e.group})); err != nil {
				t.Fatal(err)
			}
			wantError(t, "a scope", use(db), tenants.ErrUnavailable)
			if err := use(beside); err != nil {
				t.Errorf("beside it: %v", err)
			}
			if err := e.Mend(t.Context(), tenant); err != nil {
				t.Fatal(err)
			}
			if err := use(db); err != nil {
				t.Errorf("mended: %v", err)
			}
		})
	}
}
