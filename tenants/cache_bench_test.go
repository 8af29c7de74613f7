package tenants_test

import (
	"fmt"
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/tenantstest/notes"
)

// BenchmarkCache compares a View that counts 200 notes by their kind with one that gets the counts from a cache.
func BenchmarkCache(b *testing.B) {
	type row struct {
		Kind string
		N    int64
	}
	for _, engine := range tenantstest.Engines() {
		b.Run(string(engine), func(b *testing.B) {
			env := tenantstest.New(b, tenantstest.Options{Engine: engine})
			tenant := env.Tenant(b, "acme")
			if err := env.Store.Update(b.Context(), tenant, func(tx *gorm.DB) error {
				folder := notes.Folder{Name: "a"}
				for i := range 200 {
					folder.Notes = append(folder.Notes, notes.Note{Text: fmt.Sprint(i), Kind: []string{"idea", "task"}[i%2]})
				}
				return tx.Create(&folder).Error
			}); err != nil {
				b.Fatal(err)
			}
			cache := tenants.NewCache[int64, []row](tenants.CacheOptions{MaxAge: time.Hour})
			count := func(tx *gorm.DB) (rows []row, err error) {
				return rows, tx.Model(&notes.Note{}).Select("kind, count(*) AS n").Where("folder_id = ?", 1).Group("kind").Scan(&rows).Error
			}
			view := func(f func(tx *gorm.DB) ([]row, error)) time.Duration {
				begin := time.Now()
				if err := env.Store.View(b.Context(), tenant, func(tx *gorm.DB) error {
					rows, err := f(tx)
					if err == nil && len(rows) != 2 {
						b.Error(rows)
					}
					return err
				}); err != nil {
					b.Fatal(err)
				}
				return time.Since(begin)
			}
			var counted, cached time.Duration
			for b.Loop() {
				counted += view(count)
				cached += view(func(tx *gorm.DB) ([]row, error) {
					return cache.Get(tx, 1, func() ([]row, error) { return count(tx) })
				})
			}
			b.ReportMetric(float64(counted.Microseconds())/float64(b.N), "µs-counted")
			b.ReportMetric(float64(cached.Microseconds())/float64(b.N), "µs-cached")
			b.ReportMetric(float64(cached)/float64(counted), "cached/counted")
		})
	}
}
