package trial

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// catalog is what the server says about a database at one moment, as far as a migration can change it.
type catalog struct {
	Relations   []relation   `json:"relations"`
	Columns     []column     `json:"columns"`
	Constraints []constraint `json:"constraints"`
	// Locks are those that the session holds.
	Locks []held `json:"locks"`
	// Dangling are the foreign keys whose table doesn't exist.
	Dangling []string `json:"dangling"`
}

// relation is a table, an index, a view, or something else with a name.
type relation struct {
	// ID stays the same when the relation is renamed.
	ID   string `json:"id"`
	Kind string `json:"kind"` // table, index, view, trigger, function, sequence, type
	Name string `json:"name"`
	// Table is the id of the table that an index or a trigger belongs to.
	Table string `json:"table"`
	// File changes when the relation's rows are written anew.
	File   string `json:"file"`
	Unique bool   `json:"unique"`
	// Scans is the number of times that the session has read all rows of a table.
	Scans int64 `json:"scans"`
}

type column struct {
	Table    string `json:"table"`
	Name     string `json:"name"`
	Position int    `json:"position"`
	Type     string `json:"type"`
	// Required reports whether an INSERT must give a value.
	Required bool `json:"required"`
	// Variable reports whether the default is not the same for all rows.
	Variable bool `json:"variable"`
}

type constraint struct {
	ID    string `json:"id"`
	Table string `json:"table"`
	Kind  string `json:"kind"`
	Name  string `json:"name"`
	// Valid reports whether all rows are known to satisfy it.
	Valid bool `json:"valid"`
}

type held struct {
	Table string `json:"table"`
	Mode  string `json:"mode"`
}

// The kinds of relations.
const (
	kindTable   = "table"
	kindIndex   = "index"
	kindTrigger = "trigger"
)

// readCatalog reads the catalog.
func readCatalog(ctx context.Context, db *sql.DB, dialect string) (*catalog, error) {
	queries := map[string]string{"sqlite": sqliteCatalog, "postgres": postgresCatalog}
	query, ok := queries[dialect]
	if !ok {
		return nil, fmt.Errorf("dialect %q is not sqlite or postgres", dialect)
	}
	var text string
	if err := db.QueryRowContext(ctx, query).Scan(&text); err != nil {
		return nil, fmt.Errorf("read catalog: %w", err)
	}
	c := &catalog{}
	if err := json.Unmarshal([]byte(text), c); err != nil {
		return nil, errors.Join(errors.New("read catalog"), err)
	}
	slices.SortFunc(c.Relations, func(a, b relation) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Kind, b.Kind)) })
	slices.SortFunc(c.Columns, func(a, b column) int { return cmp.Compare(a.Position, b.Position) })
	slices.SortFunc(c.Constraints, func(a, b constraint) int { return cmp.Compare(a.Name, b.Name) })
	return c, nil
}

// tables returns the tables by id.
func (c *catalog) tables() map[string]relation {
	all := map[string]relation{}
	for _, r := range c.Relations {
		if r.Kind == kindTable {
			all[r.ID] = r
		}
	}
	return all
}

// named returns the relation with that kind and name.
func (c *catalog) named(kind, name string) (relation, bool) {
	for _, r := range c.Relations {
		if r.Kind == kind && r.Name == name {
			return r, true
		}
	}
	return relation{}, false
}

// find returns the relation with that kind and id.
func (c *catalog) find(kind, id string) (relation, bool) {
	for _, r := range c.Relations {
		if r.Kind == kind && r.ID == id {
			return r, true
		}
	}
	return relation{}, false
}

// of returns the relations of a kind that belong to a table.
func (c *catalog) of(kind, table string) (all []relation) {
	for _, r := range c.Relations {
		if r.Kind == kind && r.Table == table {
			all = append(all, r)
		}
	}
	return all
}

func (c *catalog) columnsOf(table string) (all []column) {
	for _, of := range c.Columns {
		if of.Table == table {
			all = append(all, of)
		}
	}
	return all
}

func (c *catalog) constraintsOf(table string) map[string]constraint {
	all := map[string]constraint{}
	for _, of := range c.Constraints {
		if of.Table == table {
			all[of.ID] = of
		}
	}
	return all
}

// mode returns the strongest lock that the session holds on a table, or "".
func (c *catalog) mode(table string) (mode string) {
	for _, l := range c.Locks {
		if l.Table == table && strength(l.Mode) > strength(mode) {
			mode = l.Mode
		}
	}
	return mode
}
