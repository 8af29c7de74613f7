package portable

import (
	"context"
	"errors"

	"tenantry/tenants"
)

// Check reads a file, and compares the rows with the sums in it. Returns the errors of Open, or a *DamagedError.
func Check(ctx context.Context, files Files, path string, schema tenants.Schema) (err error) {
	r, about, err := Open(ctx, files, path, schema)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	expected := map[string]Sum{}
	for _, sum := range about.Tables {
		expected[sum.Table] = sum
	}
	for _, table := range r.Tables() {
		table = sorted(table)
		var read hasher
		err := r.Read(ctx, table, func(row []tenants.Value) error {
			read.begin()
			for _, v := range row {
				read.put(v)
			}
			read.end()
			return nil
		})
		if err == nil {
			err = compare(expected[table.Name], read.sum(table.Name), true)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
