package trial

import (
	"context"
	"maps"
	"slices"
	"strings"

	"tenantry/tenants/migrate"
	"tenantry/tenants/shape"
)

// downward counts the statements that undo a migration.
type downward struct{ statements int }

func (d *downward) observe(s migrate.Statement) error {
	d.statements++
	_, err := s.Run()
	return err
}

// undo undoes the migrations, the last one first, and records whether that is possible. It stops at one that can't be.
func (t *trial) undo(ctx context.Context, applied []migrate.Source) error {
	after, err := shape.Read(ctx, t.db, t.Dialect)
	if err != nil {
		return err
	}
	for i := len(applied) - 1; i >= 0; i-- {
		before := t.shapes[i]
		t.now, t.down = &t.report.Migrations[i], &downward{}
		failed := migrate.TryDown(ctx, t.db, t.Dialect, t.Migrations, applied[i])
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if t.down.statements == 0 && !t.isEmpty() {
			t.note(hasNoDown())
			return nil
		}
		if failed != nil {
			t.note(downFails(failed))
			return nil
		}
		now, err := shape.Read(ctx, t.db, t.Dialect)
		if err != nil {
			return err
		}
		if drift := now.Drift(before); drift != "" {
			t.note(downDiffers(drift))
		}
		if lost := onlyIn(after, before); len(lost) > 0 {
			t.note(downLoses(lost))
		}
		after = before
	}
	return nil
}

// isEmpty reports whether the migration under way has no statements.
func (t *trial) isEmpty() bool { return len(t.now.Statements) == 0 }

// onlyIn returns the tables, and the columns of other tables, that only the first shape has.
func onlyIn(one, other shape.Shape) (things []string) {
	for _, thing := range slices.Sorted(maps.Keys(one)) {
		table, rest, inTable := strings.Cut(thing, ", ")
		_, there := other[thing]
		_, tableThere := other[table]
		if there || !strings.HasPrefix(table, "table ") {
			continue
		}
		if !inTable {
			things = append(things, table)
		} else if tableThere && strings.HasPrefix(rest, "column ") {
			things = append(things, columnOf(strings.TrimPrefix(table, "table "), strings.TrimPrefix(rest, "column ")))
		}
	}
	return things
}
