package trial

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"tenantry/tenants/migrate"
)

// Finding is something that an operator should know about a statement or a migration.
type Finding struct {
	Kind Kind `json:"kind"`
	// Danger reports whether it can stop requests for long, make the migration fail, lose data, or break an older build.
	Danger bool `json:"danger"`
	// Table is the table that it is about. It is empty if it is about none.
	Table string `json:"table"`
	// Detail says what happens.
	Detail string `json:"detail"`
	// Instead says what to write instead. It is empty if there is nothing better.
	Instead string `json:"instead"`
}

// breaksOlderBuilds reports whether it is about something without which an older build that uses it fails.
func (f Finding) breaksOlderBuilds() bool {
	return f.Danger && (f.Kind == OlderBuild || f.Instead == dropLater)
}

// Kind is a kind of Finding.
type Kind string

// The kinds.
const (
	// Rewrite: the table's rows are written anew, or all of them are changed.
	Rewrite Kind = "rewrite"
	// Rebuild: another table takes the place of one, after its rows were copied.
	Rebuild Kind = "rebuild"
	// IndexBuild: an index of a table with rows is built.
	IndexBuild Kind = "index-build"
	// Scan: all rows of a table are read.
	Scan Kind = "scan"
	// FailsOnRows: the statement fails on a table that has rows.
	FailsOnRows Kind = "fails-on-rows"
	// DependsOnRows: the statement fails if the rows are not as it expects. Only a rehearsal on data can tell.
	DependsOnRows Kind = "depends-on-rows"
	// Loss: rows, indexes, triggers, constraints, references or the last id are lost, or a rebuilt table is not as before.
	Loss Kind = "loss"
	// OlderBuild: a build from before the migration can't work with the schema any more.
	OlderBuild Kind = "older-build"
	// Irreversible: the migration can't be undone, or not without loss.
	Irreversible Kind = "irreversible"
	// Failure: the statement fails on every database.
	Failure Kind = "failure"
)

// Writes reports whether the work grows with the table, and writes it.
func (k Kind) Writes() bool { return k == Rewrite || k == Rebuild || k == IndexBuild }

// What to write instead.
const (
	expandAndContract = "expand and contract: add the new one, deploy a build that writes both, fill it in batches, deploy a build that uses only the new one, then drop the old one"
	concurrently      = "CREATE INDEX CONCURRENTLY, in a migration of its own that is marked -- +goose NO TRANSACTION"
	notValid          = "ADD CONSTRAINT … NOT VALID in one migration, and VALIDATE CONSTRAINT in the next"
	inBatches         = "change the rows in batches, from the application, before the migration that needs them changed"
	rehearse          = "rehearse it: tenantry migrate up --dry-run=data"
	recreate          = "drop views and triggers that name the table before it, and create them again at the end of the migration"
	dropLater         = "drop it in a later migration, when no build that uses it is left"
)

func rewritesTable(table string) Finding {
	return Finding{Rewrite, true, table, fmt.Sprintf("writes all rows of %s and all of its indexes anew, while reads and writes wait", table), expandAndContract}
}

func emptiesTable(table string) Finding {
	return Finding{Loss, true, table, "deletes all rows of " + table, ""}
}

func rebuildsTable(table string) Finding {
	return Finding{Rebuild, true, table, fmt.Sprintf("copies all rows of %s into another table", table), rehearse}
}

func rebuildsIndex(table, index string) Finding {
	return Finding{IndexBuild, true, table, fmt.Sprintf("builds index %s of %s again, while reads and writes wait", index, table), expandAndContract}
}

func buildsIndex(table, index, blocked string) Finding {
	return Finding{IndexBuild, true, table, fmt.Sprintf("builds index %s from all rows of %s, while %s wait", index, table, blocked), concurrently}
}

func buildsIndexInFile(table, index string) Finding {
	return Finding{IndexBuild, false, table, fmt.Sprintf("builds index %s from all rows of %s", index, table), ""}
}

func scansTable(table, blocked string, validated bool) Finding {
	instead := rehearse
	if validated {
		instead = notValid
	}
	return Finding{Scan, true, table, fmt.Sprintf("reads all rows of %s, while %s wait", table, blocked), instead}
}

func readsTable(table string) Finding {
	return Finding{Scan, false, table, "reads all rows of " + table, ""}
}

func changesAllRows(table, word string) Finding {
	return Finding{Rewrite, true, table, fmt.Sprintf("goes through all rows of %s in one %s", table, word), inBatches}
}

func addsRequiredColumn(table, name string) Finding {
	return Finding{
		FailsOnRows, true, table, fmt.Sprintf("adds %s NOT NULL without a default: fails on a table with rows, and an older build's INSERT fails", columnOf(table, name)),
		"add the column with a default, or without NOT NULL",
	}
}

func addsVariableColumn(table, name string) Finding {
	return Finding{
		FailsOnRows, true, table, fmt.Sprintf("adds %s with a default that is not a constant: SQLite refuses that on a table with rows", columnOf(table, name)),
		"add the column with a constant default",
	}
}

func requiresColumn(table, name string) Finding {
	return Finding{
		DependsOnRows, true, table, fmt.Sprintf("requires a value of %s: fails if a row has none, and an older build's INSERT may fail", columnOf(table, name)),
		"fill the column and deploy a build that always writes it, before the migration that requires it",
	}
}

func requiresColumnOfNew(table, name string) Finding {
	return Finding{
		OlderBuild, true, table, fmt.Sprintf("requires a value of %s: an older build's INSERT may fail", columnOf(table, name)),
		"deploy a build that always writes it first",
	}
}

func requiresNewColumn(table, name string) Finding {
	return Finding{
		OlderBuild, true, table, fmt.Sprintf("requires a value of the new %s: an older build's INSERT fails", columnOf(table, name)),
		"give the column a default",
	}
}

func requiresUnique(table, index string) Finding {
	return Finding{DependsOnRows, true, table, fmt.Sprintf("makes %s unique: fails if two rows of %s are equal there", index, table), rehearse}
}

func addsConstraint(table, name string) Finding {
	return Finding{OlderBuild, false, table, fmt.Sprintf("adds %s to %s: rows that an older build writes must satisfy it", name, table), ""}
}

// validatesConstraint is about a new constraint, or about one that was NOT VALID before.
func validatesConstraint(table, name string, before bool) Finding {
	instead := notValid
	if before {
		instead = rehearse
	}
	return Finding{DependsOnRows, !before, table, fmt.Sprintf("checks all rows of %s: fails if one violates %s", table, name), instead}
}

func dropsTable(table string) Finding {
	return Finding{Loss, true, table, fmt.Sprintf("drops %s with its rows, which no Down brings back; an older build that uses it fails", table), dropLater}
}

func dropsColumn(table, name string) Finding {
	return Finding{Loss, true, table, fmt.Sprintf("drops %s with its values, which no Down brings back; an older build that uses it fails", columnOf(table, name)), dropLater}
}

func renamesTable(table, to string) Finding {
	return Finding{OlderBuild, true, table, fmt.Sprintf("renames %s to %s: an older build that uses it fails", table, to), expandAndContract}
}

func renamesColumn(table, name, to string) Finding {
	return Finding{OlderBuild, true, table, fmt.Sprintf("renames %s to %s: an older build that uses it fails", columnOf(table, name), to), expandAndContract}
}

func changesType(table string, was, now column) Finding {
	return Finding{
		OlderBuild, true, table, fmt.Sprintf("changes %s from %s to %s: an older build may not read or write it", columnOf(table, was.Name), was.Type, now.Type),
		expandAndContract,
	}
}

func dropsIndex(table, index string) Finding {
	return Finding{OlderBuild, false, table, fmt.Sprintf("drops index %s of %s: an older build's queries may become slow", index, table), ""}
}

func dropsOther(r relation) Finding {
	return Finding{OlderBuild, true, "", fmt.Sprintf("drops %s %s: an older build that uses it fails", r.Kind, r.Name), dropLater}
}

func renamesOther(r relation, to string) Finding {
	return Finding{OlderBuild, true, "", fmt.Sprintf("renames %s %s to %s: an older build that uses it fails", r.Kind, r.Name, to), expandAndContract}
}

func losesOther(table string, lost relation) Finding {
	return Finding{
		Loss, true, table, fmt.Sprintf("loses %s %s of %s, which was dropped with the old table", lost.Kind, lost.Name, table),
		fmt.Sprintf("create %s again at the end of the migration, or drop it explicitly before", lost.Name),
	}
}

// losesConstraint is about a rebuilt table.
func losesConstraint(table, name, was string) Finding {
	return Finding{Loss, true, table, fmt.Sprintf("loses %s of %s (%s)", name, table, was), "write it into the new table, too, unless it is meant to go"}
}

// changesTable is about a part of a rebuilt table that is not as before. Part is empty if it is the table.
func changesTable(table, part, was, now string) Finding {
	name := table
	if part != "" {
		name = part + " of " + table
	}
	return Finding{
		Loss, !strings.HasPrefix(part, "column "), table, fmt.Sprintf("changes %s from (%s) to (%s)", name, cmp.Or(was, "none"), cmp.Or(now, "none")),
		"write it into the new table as it was, unless it is meant to change",
	}
}

func losesSequence(table string) Finding {
	return Finding{
		Loss, true, table, fmt.Sprintf("may give new rows of %s the ids of rows that were deleted, although they are AUTOINCREMENT", table),
		fmt.Sprintf("after creating the new table: INSERT INTO sqlite_sequence SELECT 'NEW', seq FROM sqlite_sequence WHERE name = '%s'", table),
	}
}

// breaksName is about a view or a trigger.
func breaksName(said string) Finding {
	return Finding{Loss, true, "", "leaves a view or a trigger that fails: " + said, recreate}
}

func losesReference(key string) Finding {
	return Finding{
		Loss, true, "", fmt.Sprintf("leaves a foreign key of a table that doesn't exist: %s", key),
		"create the new table under another name, copy the rows, drop the old table, and rename the new one",
	}
}

func promisesOlderCode(build int64) Finding {
	return Finding{
		OlderBuild, true, "", fmt.Sprintf("declares that builds from version %d on can serve the schema after it, and those that use what it drops, renames or requires fail", build),
		fmt.Sprintf("see that no code from version %d on uses it, or declare a newer one: -- older code from: N", build),
	}
}

func hasNoDown() Finding {
	return Finding{Irreversible, true, "", "has no Down: it can't be undone", "write the statements that undo it"}
}

func downFails(err error) Finding {
	return Finding{Irreversible, true, "", fmt.Sprintf("its Down fails: %v", err), "correct its Down"}
}

func downDiffers(drift string) Finding {
	return Finding{Irreversible, true, "", "after its Down the schema is not as before: " + drift, "correct its Down"}
}

func downLoses(things []string) Finding {
	return Finding{Irreversible, false, "", fmt.Sprintf("its Down drops %s, with what was written there since", strings.Join(things, ", ")), ""}
}

// failure explains a statement that fails on a database without rows.
func (t *trial) failure(s migrate.Statement, err error) Finding {
	f := Finding{Kind: Failure, Danger: true, Detail: fmt.Sprintf("fails: %v", unwrapped(err))}
	switch {
	case stateOf(err) == activeTransaction && s.Transaction:
		f.Instead = "put it into a migration of its own that is marked -- +goose NO TRANSACTION"
	case t.Dialect == "sqlite" && keyword(s.Text) == "ALTER" && len(t.removed) > 0:
		f.Instead = recreate
	}
	return f
}

// unwrapped returns the innermost error.
func unwrapped(err error) error {
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(err) {
		err = inner
	}
	return err
}

// columnOf names a column.
func columnOf(table, name string) string { return table + "." + name }
