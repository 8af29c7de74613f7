package tenantstest_test

import (
	"testing"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/tenantstest/notes"
)

func TestFreshTenants(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		acme, globex := env.Tenant(t, "acme"), env.Tenant(t, "globex")
		err := env.Store.Update(t.Context(), acme, func(tx *gorm.DB) error {
			return tx.Create(&notes.Folder{Name: "Chairs"}).Error
		})
		if err != nil {
			t.Fatal(err)
		}
		for tenant, want := range map[*tenants.Tenant]int64{acme: 1, globex: 0} {
			var got int64
			err := env.Store.View(t.Context(), tenant, func(tx *gorm.DB) error {
				return tx.Model(&notes.Folder{}).Count(&got).Error
			})
			if err != nil || got != want {
				t.Errorf("%s has %d folders, error %v; want %d", tenant.Subdomain, got, err, want)
			}
		}
	})
}

func BenchmarkNew(b *testing.B) {
	for _, engine := range tenantstest.Engines() {
		b.Run(string(engine), func(b *testing.B) {
			env := tenantstest.New(b, tenantstest.Options{Engine: engine})
			for i := range b.N {
				env.Tenant(b, "t"+string(rune('a'+i%26))+string(rune('a'+i/26%26))+string(rune('a'+i/26/26%26)))
			}
		})
	}
}
