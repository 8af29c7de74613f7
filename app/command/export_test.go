package command

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tenantry/models"

	"gorm.io/gorm"
)

// TestExport writes a tenant's file. It replaces no other, is its owner's alone, and both ledgers know of it.
func TestExport(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s site) {
		s.must(t, "tenant", "create", "acme", "--admin-email=ada@example.com")
		file := filepath.Join(t.TempDir(), "acme.db")
		got := only[exported](t, s.must(t, "tenant", "export", "acme", file, "--json"))
		info, err := os.Stat(file)
		if err != nil || info.Mode().Perm() != 0o600 || got.Subdomain != "acme" || got.Credentials || got.Rows() == 0 || got.File != file {
			t.Errorf("%v, %v, %+v", info, err, got)
		}
		for status, args := range map[int][]string{exitUsage: {"acme", file}, exitFailed: {"nobody", file + ".other"}} {
			if r := s.run(t, append([]string{"tenant", "export"}, args...)...); r.status != status {
				t.Errorf("%q: %d %s", args, r.status, r.stderr)
			}
		}
		s.must(t, "tenant", "export", "acme", file, "--force", "--with-credentials")
		if piped := s.must(t, "tenant", "export", "acme", "-"); !strings.HasPrefix(piped, "SQLite format 3\x00") {
			t.Errorf("standard output got %.40q", piped)
		}
		entries, err := os.ReadDir(filepath.Dir(file))
		if err != nil || len(entries) != 1 {
			t.Errorf("in the folder is %v, %v", entries, err)
		}
		if out := s.must(t, "operations", "--kind", "export"); strings.Count(out, "export\tacme\tdone") != 3 {
			t.Errorf("the ledger has\n%s", out)
		}
		a := s.open(t)
		row, err := a.Manager().Get(t.Context(), "acme")
		if err != nil {
			t.Fatal(err)
		}
		var noted int64
		err = a.Store().View(t.Context(), row, func(tx *gorm.DB) error {
			return tx.Model(&models.Activity{}).Where("action = ?", "tenant.exported").Count(&noted).Error
		})
		if err != nil || noted != 3 {
			t.Errorf("the tenant knows of %d exports, %v", noted, err)
		}
	})
}
