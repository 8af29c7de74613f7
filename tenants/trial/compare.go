package trial

import "slices"

// comparison is what a statement did to one table that was there before.
type comparison struct {
	*trial
	into          *Statement
	before, after *catalog
	table         relation // as it was before
	scanned       bool     // the statement has read all of its rows
}

// compare records what a statement has changed.
func (t *trial) compare(after *catalog, into *Statement) {
	for _, table := range t.last.Relations {
		if table.Kind == kindTable && t.known[table.ID] {
			c := comparison{trial: t, into: into, before: t.last, after: after, table: table}
			c.compareTable()
		}
	}
	t.compareOthers(after)
}

func (c *comparison) add(f Finding) { c.into.Findings = append(c.into.Findings, f) }

func (c *comparison) compareTable() {
	c.compareLocks()
	now, there := c.after.find(kindTable, c.table.ID)
	if !there {
		c.remove(dropsTable(c.table.Name))
		return
	}
	if now.Name != c.table.Name {
		c.remove(renamesTable(c.table.Name, now.Name))
	}
	rewritten := now.File != c.table.File
	switch {
	case rewritten && keyword(c.into.SQL) == "TRUNCATE":
		c.add(emptiesTable(c.table.Name))
	case rewritten:
		c.add(rewritesTable(c.table.Name))
	}
	c.scanned = now.Scans > c.table.Scans
	c.compareColumns()
	built := c.compareIndexes(rewritten)
	validated := c.compareConstraints()
	if c.scanned && !rewritten && !built {
		c.compareScans(validated)
	}
}

// remove records that a table is no longer there under its name.
func (c *comparison) remove(f Finding) {
	name := c.table.Name
	if first, there := c.trial.before.find(kindTable, c.table.ID); there {
		name = first.Name
	}
	c.removed = append(c.removed, removal{c.table, name, len(c.now.Statements), f})
}

// removal is a finding about a relation that a statement has dropped or renamed. It is taken back if there is one of
// the same name at the end of the migration.
type removal struct {
	relation
	name string // before the migration
	// statement is the number of the statement in its migration, from 0.
	statement int
	finding   Finding
}

// compareLocks records the lock that the statement has taken on the table, unless the session had as strong a one.
func (c *comparison) compareLocks() {
	before, now := c.before.mode(c.table.ID), c.after.mode(c.table.ID)
	if strength(now) > strength(before) {
		c.into.Locks = append(c.into.Locks, Lock{Table: c.table.Name, Mode: words(now), Blocks: blocks(now)})
	}
}

func (c *comparison) compareColumns() {
	before, after := c.before.columnsOf(c.table.ID), c.after.columnsOf(c.table.ID)
	renamed := map[string]bool{}
	for _, was := range before {
		if now := columnNamed(after, was.Name); now != nil {
			c.compareColumn(was, *now)
			continue
		}
		to := slices.IndexFunc(after, func(of column) bool { return of.Position == was.Position })
		if len(before) == len(after) && to >= 0 {
			renamed[after[to].Name] = true
			c.add(renamesColumn(c.table.Name, was.Name, after[to].Name))
		} else {
			c.add(dropsColumn(c.table.Name, was.Name))
		}
	}
	for _, now := range after {
		if columnNamed(before, now.Name) == nil && !renamed[now.Name] {
			c.compareNewColumn(now)
		}
	}
}

func (c *comparison) compareColumn(was, now column) {
	if was.Type != now.Type {
		c.add(changesType(c.table.Name, was, now))
	}
	switch {
	case !now.Required || was.Required:
	case c.scanned:
		c.add(requiresColumn(c.table.Name, now.Name))
	default: // a constraint has proved that all rows have a value
		c.add(requiresColumnOfNew(c.table.Name, now.Name))
	}
}

func (c *comparison) compareNewColumn(now column) {
	switch {
	case now.Required:
		c.add(addsRequiredColumn(c.table.Name, now.Name))
	case now.Variable && c.Dialect == "sqlite":
		c.add(addsVariableColumn(c.table.Name, now.Name))
	}
}

// compareIndexes reports whether the statement has built an index of the table.
func (c *comparison) compareIndexes(rewritten bool) (built bool) {
	before, after := c.before.of(kindIndex, c.table.ID), c.after.of(kindIndex, c.table.ID)
	for _, now := range after {
		same := func(was relation) bool {
			return (was.ID == now.ID || was.Name == now.Name && was.File != "") && was.File == now.File
		}
		if slices.ContainsFunc(before, same) {
			continue
		}
		built = true
		again := slices.ContainsFunc(before, func(was relation) bool { return was.Name == now.Name })
		switch {
		case again && !rewritten:
			c.add(rebuildsIndex(c.table.Name, now.Name))
		case !again:
			c.addIndex(now)
		}
	}
	for _, was := range before {
		if !slices.ContainsFunc(after, func(now relation) bool { return now.Name == was.Name || now.ID == was.ID }) {
			c.add(dropsIndex(c.table.Name, was.Name))
		}
	}
	return built
}

// addIndex records a new index. One that is built CONCURRENTLY holds no lock at the end.
func (c *comparison) addIndex(now relation) {
	if mode := c.after.mode(c.table.ID); blocks(mode) != "" {
		c.add(buildsIndex(c.table.Name, now.Name, blocks(mode)))
	} else if c.Dialect == "sqlite" {
		c.add(buildsIndexInFile(c.table.Name, now.Name))
	}
	if now.Unique {
		c.add(requiresUnique(c.table.Name, now.Name))
	}
}

// compareConstraints reports whether the statement has added or validated a constraint, of a kind that isn't an index.
func (c *comparison) compareConstraints() (validated bool) {
	before := c.before.constraintsOf(c.table.ID)
	for _, now := range c.after.constraintsOf(c.table.ID) {
		was, there := before[now.ID]
		if now.Kind != "c" && now.Kind != "f" || there && was.Valid == now.Valid {
			continue
		}
		if now.Valid {
			validated = true
			c.add(validatesConstraint(c.table.Name, now.Name, there))
		}
		if !there {
			c.add(addsConstraint(c.table.Name, now.Name))
		}
	}
	return validated
}

// compareScans records that the statement has read all rows of the table.
func (c *comparison) compareScans(validated bool) {
	switch word := keyword(c.into.SQL); {
	case word == "UPDATE" || word == "DELETE" || word == "WITH":
		c.add(changesAllRows(c.table.Name, word))
	case blocks(c.after.mode(c.table.ID)) != "":
		c.add(scansTable(c.table.Name, blocks(c.after.mode(c.table.ID)), validated))
	default:
		c.add(readsTable(c.table.Name))
	}
}

// compareOthers records what was dropped or renamed that is no table and no index.
func (t *trial) compareOthers(after *catalog) {
	for _, was := range t.last.Relations {
		_, tableThere := after.find(kindTable, was.Table)
		if was.Kind == kindTable || was.Kind == kindIndex || was.Kind == kindTrigger && !tableThere {
			continue // a trigger that was dropped with its table is its table's
		}
		switch now, there := after.find(was.Kind, was.ID); {
		case !there:
			t.removed = append(t.removed, removal{was, was.Name, len(t.now.Statements), dropsOther(was)})
		case now.Name != was.Name:
			t.removed = append(t.removed, removal{was, was.Name, len(t.now.Statements), renamesOther(was, now.Name)})
		}
	}
}
