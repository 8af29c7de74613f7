package trial

import (
	"context"
	"maps"
	"slices"
	"strings"

	"tenantry/tenants/shape"
)

// concludeMigration records what the migration under way has done in several statements. A table that was dropped or
// renamed, and of which there is one of the same name again, was rebuilt.
func (t *trial) concludeMigration(ctx context.Context) error {
	after, err := readCatalog(ctx, t.db, t.Dialect)
	if err != nil {
		return err
	}
	made, err := shape.Read(ctx, t.db, t.Dialect)
	if err != nil {
		return err
	}
	rebuilt := map[string]bool{}
	for _, r := range t.removed {
		now, there := after.named(r.Kind, r.name)
		switch {
		case !there:
			s := &t.now.Statements[r.statement]
			s.Findings = append(s.Findings, r.finding)
		case r.Kind == kindTable && now.ID != r.ID && !rebuilt[r.name]:
			rebuilt[r.name] = true
			t.compareRebuilt(after, made, r, now)
		}
	}
	for _, key := range after.Dangling {
		if !slices.Contains(t.before.Dangling, key) {
			t.note(losesReference(key))
		}
	}
	t.last = after
	return nil
}

// note adds a finding about the migration under way.
func (t *trial) note(f Finding) { t.now.Findings = append(t.now.Findings, f) }

// compareRebuilt records what a table has lost and won when it was rebuilt, and remembers that the new one has rows.
func (t *trial) compareRebuilt(after *catalog, made shape.Shape, was removal, now relation) {
	delete(t.known, was.ID)
	t.known[now.ID] = true
	t.note(rebuildsTable(was.name))
	old := t.before.columnsOf(was.ID)
	for _, column := range old {
		switch same := columnNamed(after.columnsOf(now.ID), column.Name); {
		case same == nil:
			t.note(dropsColumn(was.name, column.Name))
		case same.Type != column.Type:
			t.note(changesType(was.name, column, *same))
		case same.Required && !column.Required:
			t.note(requiresColumn(was.name, column.Name))
		}
	}
	for _, column := range after.columnsOf(now.ID) {
		if column.Required && columnNamed(old, column.Name) == nil {
			t.note(requiresNewColumn(was.name, column.Name))
		}
	}
	for _, kind := range []string{kindIndex, kindTrigger} {
		for _, lost := range t.before.of(kind, was.ID) {
			if !slices.ContainsFunc(after.of(kind, now.ID), func(r relation) bool { return r.Name == lost.Name }) {
				t.note(losesOther(was.name, lost))
			}
		}
	}
	t.compareConstraints(made, was.name)
}

// compareConstraints records the constraints that a rebuilt table has won.
func (t *trial) compareConstraints(made shape.Shape, table string) {
	before := t.shapes[len(t.shapes)-1]
	for _, thing := range slices.Sorted(maps.Keys(made)) {
		rest, ofTable := strings.CutPrefix(thing, "table "+table+", ")
		kind, _, _ := strings.Cut(rest, " ")
		if ofTable && before[thing] != made[thing] && slices.Contains([]string{"check", "foreign", "constraint"}, kind) {
			t.note(addsConstraint(table, rest))
		}
	}
}

// columnNamed returns the column with that name, or nil.
func columnNamed(columns []column, name string) *column {
	i := slices.IndexFunc(columns, func(of column) bool { return of.Name == name })
	if i < 0 {
		return nil
	}
	return &columns[i]
}
