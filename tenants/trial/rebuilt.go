package trial

import (
	"context"
	"errors"
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
			if err := t.compareSequence(ctx, made, r.name); err != nil {
				return err
			}
		}
	}
	if err := t.concludeNames(ctx); err != nil {
		return err
	}
	for _, key := range after.Dangling {
		if !slices.Contains(t.before.Dangling, key) {
			t.note(losesReference(key))
		}
	}
	t.concludePromise()
	t.last = after
	return nil
}

// concludePromise records that the migration declares that older builds can serve the schema after it, although it breaks
// those that use what it changes.
func (t *trial) concludePromise() {
	if t.now.OlderCode >= t.now.Version {
		return
	}
	findings := slices.Clone(t.now.Findings)
	for _, s := range t.now.Statements {
		findings = append(findings, s.Findings...)
	}
	if slices.ContainsFunc(findings, Finding.breaksOlderBuilds) {
		t.note(promisesOlderCode(t.now.OlderCode))
	}
}

// note adds a finding about the migration under way.
func (t *trial) note(f Finding) { t.now.Findings = append(t.now.Findings, f) }

// compareRebuilt records what a table has lost and won when it was rebuilt, and remembers that the new one has rows.
func (t *trial) compareRebuilt(after *catalog, made shape.Shape, was removal, now relation) {
	delete(t.known, was.ID)
	t.known[now.ID] = true
	t.note(rebuildsTable(was.name))
	old := t.before.columnsOf(was.ID)
	told := map[string]bool{}
	for _, column := range old {
		n := len(t.now.Findings)
		switch same := columnNamed(after.columnsOf(now.ID), column.Name); {
		case same == nil:
			t.note(dropsColumn(was.name, column.Name))
		case same.Type != column.Type:
			t.note(changesType(was.name, column, *same))
		case same.Required && !column.Required:
			t.note(requiresColumn(was.name, column.Name))
		}
		told["column "+column.Name] = len(t.now.Findings) > n
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
	t.compareShape(made, was.name, told)
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

// compareShape records what else a rebuilt table has lost: constraints, and what is written about columns and the table.
// It leaves out the parts that were told.
func (t *trial) compareShape(made shape.Shape, table string, told map[string]bool) {
	before := t.shapes[len(t.shapes)-1]
	for _, thing := range slices.Sorted(maps.Keys(before)) {
		rest, ofTable := strings.CutPrefix(thing, "table "+table)
		rest, inTable := strings.CutPrefix(rest, ", ")
		if !ofTable || !inTable && rest != "" || told[rest] || before[thing] == made[thing] {
			continue
		}
		kind, _, _ := strings.Cut(rest, " ")
		_, there := made[thing]
		switch {
		case there && (kind == "check" || kind == "foreign" || kind == "constraint"): // see compareConstraints
		case there:
			t.note(changesTable(table, rest, before[thing], made[thing]))
		case kind != "column" && !t.isIndex(rest): // see compareRebuilt
			t.note(losesConstraint(table, rest, before[thing]))
		}
	}
}

// isIndex reports whether a part of a shape is an index with a name, as it was before the migration.
func (t *trial) isIndex(part string) bool {
	name, isIndex := strings.CutPrefix(part, "index ")
	_, there := t.before.named(kindIndex, name)
	return isIndex && there
}

// readSequences returns the last id that each table with AUTOINCREMENT has given.
func (t *trial) readSequences(ctx context.Context) (map[string]int64, error) {
	var exists bool
	err := t.db.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence')").Scan(&exists)
	if err != nil || !exists {
		return nil, err
	}
	rows, err := t.db.QueryContext(ctx, "SELECT name, max(seq) FROM sqlite_sequence GROUP BY name")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := map[string]int64{}
	for rows.Next() {
		var name string
		var last int64
		if err := rows.Scan(&name, &last); err != nil {
			return nil, err
		}
		all[name] = last
	}
	return all, rows.Err()
}

// giveIDs has each table with AUTOINCREMENT give an id, and reads the last ids.
func (t *trial) giveIDs(ctx context.Context, made shape.Shape) (err error) {
	if t.Dialect != "sqlite" {
		return nil
	}
	if t.sequences, err = t.readSequences(ctx); err != nil {
		return err
	}
	const given = 1000
	for _, table := range t.last.tables() {
		name := table.Name
		if t.sequences[name] > 0 || !strings.Contains(made["table "+name+", options"], "autoincrement") {
			continue
		}
		if _, err := t.db.ExecContext(ctx, "INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", name, given); err != nil {
			return err
		}
		t.sequences[name] = given
	}
	return nil
}

// compareSequence records that a rebuilt table would give ids again that deleted rows had.
func (t *trial) compareSequence(ctx context.Context, made shape.Shape, table string) error {
	before, had := t.sequences[table]
	if !had || !strings.Contains(made["table "+table+", options"], "autoincrement") {
		return nil
	}
	now, err := t.readSequences(ctx)
	if err == nil && now[table] < before {
		t.note(losesSequence(table))
	}
	return err
}

// concludeNames records that a view or a trigger names a table that was dropped or renamed.
func (t *trial) concludeNames(ctx context.Context) error {
	if t.Dialect != "sqlite" || len(t.removed) == 0 {
		return nil
	}
	said, err := t.brokenName(ctx)
	if said != "" {
		t.note(breaksName(said))
	}
	return err
}

// brokenName returns what SQLite says about a view or a trigger that names something that isn't there, or "". It renames
// a new table, before which SQLite looks at all of them.
func (t *trial) brokenName(ctx context.Context) (said string, err error) {
	now := t.now
	defer func() { t.now = now }()
	t.now = nil // these statements are not the migration's
	tx, err := t.db.BeginTx(ctx, nil)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, tx.Rollback()) }()
	if _, err := tx.ExecContext(ctx, "CREATE TABLE tenantry_trial (id integer)"); err != nil {
		return "", err
	}
	if _, err := tx.ExecContext(ctx, "ALTER TABLE tenantry_trial RENAME TO tenantry_trial_renamed"); err != nil {
		return unwrapped(err).Error(), nil
	}
	return "", nil
}
