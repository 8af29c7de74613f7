package tenantstest

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"tenantry/tenants"
)

// Load adds the rows in a folder's files to a tenant's database, in one scope. A file NN_TABLE.json is a list of objects
// whose members are columns; the files are read in the order of their names, so that a row comes after those that it
// refers to. Rows that give their id, which should be small, move the table's sequence behind them.
func Load(t testing.TB, store *tenants.Store, tenant *tenants.Tenant, folder fs.FS) {
	t.Helper()
	names, err := fs.Glob(folder, "*.json") // in lexical order
	if err != nil || len(names) == 0 {
		t.Fatalf("the folder has no fixtures: %v", err)
	}
	err = store.Maintain(t.Context(), tenant, func(tx *gorm.DB) error {
		for _, name := range names {
			if err := loadFile(tx, folder, name); err != nil {
				return fmt.Errorf("fixtures in %s: %w", name, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func loadFile(tx *gorm.DB, folder fs.FS, name string) error {
	text, err := fs.ReadFile(folder, name)
	if err != nil {
		return err
	}
	var rows []map[string]any
	if err := json.Unmarshal(text, &rows); err != nil {
		return err
	}
	_, table, ok := strings.Cut(strings.TrimSuffix(path.Base(name), ".json"), "_")
	if !ok {
		return fmt.Errorf("the name is not NN_TABLE.json")
	}
	hasID := false
	for _, row := range rows {
		if _, given := row["id"]; given {
			hasID = true
		}
		if err := tx.Table(table).Create(row).Error; err != nil {
			return err
		}
	}
	if !hasID || tx.Name() != string(Postgres) {
		return nil
	}
	// A tenant's role may only take the next number.
	return tx.Exec("SELECT max(nextval(sequence)) FROM pg_get_serial_sequence(?, 'id') AS sequence, generate_series(1, (SELECT max(id) FROM ?)) WHERE sequence IS NOT NULL",
		table, clause.Table{Name: table}).Error
}
