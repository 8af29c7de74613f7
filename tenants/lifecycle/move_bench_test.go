package lifecycle_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/tenantstest/notes"
)

// BenchmarkMove measures for how long writes are refused while a tenant of 100,000 rows moves that is written all the time, and
// how long the move takes.
func BenchmarkMove(b *testing.B) {
	const rows = 100_000
	for _, first := range tenantstest.Engines() {
		for _, second := range tenantstest.Engines() {
			b.Run(fmt.Sprintf("%s-to-%s", first, second), func(b *testing.B) {
				env := tenantstest.New(b, tenantstest.Options{Engine: first, Second: second})
				var refused, whole time.Duration
				written, n := 0, 0
				for b.Loop() {
					n++
					name := fmt.Sprintf("t%d", n)
					tenant := env.Tenant(b, name)
					fillNotes(b, env, tenant, rows)
					stop := measureRefusals(b.Context(), env, tenant)
					begun := time.Now()
					_, err := env.Lifecycle.Move(b.Context(), "ada", name, tenantstest.Second)
					whole += time.Since(begun)
					longest, wrote, failed := stop()
					check(b, errors.Join(err, failed))
					refused, written = refused+longest, written+wrote
				}
				b.ReportMetric(0, "ns/op")
				b.ReportMetric(refused.Seconds()/float64(n), "refused-s")
				b.ReportMetric(whole.Seconds()/float64(n), "move-s")
				b.ReportMetric(float64(written)/float64(n), "written")
			})
		}
	}
}

// fillNotes gives the tenant so many notes of about 170 bytes, in 100 folders.
func fillNotes(t testing.TB, env *tenantstest.Env, tenant *tenants.Tenant, n int) {
	t.Helper()
	err := env.Store.Update(t.Context(), tenant, func(tx *gorm.DB) error {
		folders := make([]notes.Folder, 100)
		for i := range folders {
			folders[i].Name = fmt.Sprintf("folder %d", i)
		}
		if err := tx.Create(&folders).Error; err != nil {
			return err
		}
		all, text := make([]notes.Note, n), strings.Repeat("A text that people write. ", 6)
		for i := range all {
			all[i] = notes.Note{FolderID: folders[i%100].ID, Text: fmt.Sprint(text, i), Kind: "task"}
		}
		return tx.CreateInBatches(&all, 2000).Error
	})
	if err != nil {
		t.Fatal(err)
	}
}

// measureRefusals writes a folder and changes a note every two milliseconds. stop waits until a row is written again, and returns the longest time
// for which none was, and how many were.
func measureRefusals(ctx context.Context, env *tenantstest.Env, tenant *tenants.Tenant) (stop func() (longest time.Duration, written int, err error)) {
	stopped, ended := make(chan struct{}), make(chan error, 1)
	var longest time.Duration
	written, last := 0, time.Now()
	go func() {
		for i, stopping := 0, false; ; i++ {
			err := env.Store.Update(ctx, tenant, func(tx *gorm.DB) error {
				changed := tx.Model(&notes.Note{}).Where("id = (SELECT min(id) FROM notes) + ?", i).Update("pinned", true)
				return errors.Join(changed.Error, tx.Create(&notes.Folder{Name: fmt.Sprintf("new %d", i)}).Error)
			})
			switch {
			case err == nil:
				longest, last = max(longest, time.Since(last)), time.Now()
				written++
				if stopping {
					ended <- nil
					return
				}
			case !errors.Is(err, tenants.ErrMaintenance):
				ended <- err
				return
			}
			select {
			case <-stopped:
				stopping = true
			case <-time.After(2 * time.Millisecond):
			}
		}
	}()
	return func() (time.Duration, int, error) {
		close(stopped)
		err := <-ended
		return longest, written, err
	}
}
