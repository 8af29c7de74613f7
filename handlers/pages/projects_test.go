package pages_test

import (
	"testing"

	"gorm.io/gorm"

	"tenantry/models"
)

// TestProgressIsCountedOnce shows the projects several times: their tasks are counted once, and anew after each write.
func TestProgressIsCountedOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		office := s.project(t, "Office", "Order chairs", "Order desks")
		s.project(t, "Empty")
		counted := func(progress string) uint64 {
			t.Helper()
			before := s.store.CacheStats().Misses
			s.get(t, s.member, "/").expect(t, 200, progress, "No tasks yet")
			return s.store.CacheStats().Misses - before
		}
		shows := func(progress string) {
			t.Helper()
			if n := counted(progress); n != 2 {
				t.Errorf("%s: counted %d of 2 projects after a write", progress, n)
			}
			for range 50 { // values end after a second, which is short on a slow machine
				if counted(progress) == 0 {
					return
				}
			}
			t.Errorf("%s: counted at each view", progress)
		}
		shows("0 of 2 done")
		s.post(t, s.member, path("/tasks/%d/move", office.Tasks[0].ID), "to", "done")
		shows("1 of 2 done")
		s.update(t, func(tx *gorm.DB) error { return tx.Delete(&models.Task{}, office.Tasks[1].ID).Error })
		shows("1 of 1 done")
	})
}
