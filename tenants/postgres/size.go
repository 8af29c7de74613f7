package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"tenantry/tenants"
)

var (
	_ tenants.Sizer    = (*Engine)(nil)
	_ tenants.Budgeted = (*Engine)(nil)
)

// Size returns the size of the tenant's database according to the server.
func (e *Engine) Size(ctx context.Context, t *tenants.Tenant) (int64, error) {
	name, err := databaseName(t)
	if err != nil {
		return 0, err
	}
	var size *int64
	err = e.admin.QueryRowContext(ctx, "SELECT size FROM ("+e.layout.sizesQuery()+"= $1) AS found (name, size)", name).Scan(&size)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("size of database %s: %w", name, translate(err))
	}
	if size == nil {
		return 0, fmt.Errorf("%w: database %s is missing", tenants.ErrUnavailable, name)
	}
	return *size, nil
}

// Sizes returns the sizes of all databases according to the server.
func (e *Engine) Sizes(ctx context.Context) (map[string]int64, error) {
	rows, err := e.admin.QueryContext(ctx, e.layout.sizesQuery()+`LIKE 't\_%'`)
	if err != nil {
		return nil, fmt.Errorf("sizes of databases: %w", translate(err))
	}
	defer rows.Close()
	sizes := map[string]int64{}
	for rows.Next() {
		var name string
		var size *int64 // NULL if the database was dropped meanwhile
		if err := rows.Scan(&name, &size); err != nil {
			return nil, fmt.Errorf("sizes of databases: %w", translate(err))
		}
		if size != nil {
			sizes[name] = *size
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("sizes of databases: %w", translate(err))
	}
	return sizes, nil
}

// Connections returns the state of the budget, with the scopes that wait for connections that they share.
func (e *Engine) Connections() tenants.Connections {
	c, queue := e.budget.connections(), e.layout.queue()
	if queue == e.budget {
		return c
	}
	waiting := queue.connections()
	c.Waiting += waiting.Waiting
	c.Refused += waiting.Refused
	c.Wait = max(c.Wait, waiting.Wait)
	return c
}

func (b *budget) connections() tenants.Connections {
	b.mu.Lock()
	defer b.mu.Unlock()
	return tenants.Connections{Used: b.used, Limit: b.limit, Waiting: b.waiting(), Changed: b.turns, Refused: b.refused, Wait: b.expectAfter(b.waiters[people].Len())}
}

// ConnectionClasses returns the number of connections for each class of work.
func (e *Engine) ConnectionClasses() []tenants.ConnectionClass {
	loads, queue := e.budget.loads(), e.layout.queue()
	if queue == e.budget {
		return loads
	}
	for c, waiting := range queue.loads() {
		loads[c].Waiting += waiting.Waiting
		loads[c].Waits = loads[c].Waits.Plus(waiting.Waits)
	}
	return loads
}

func (b *budget) loads() []tenants.ConnectionClass {
	loads := make([]tenants.ConnectionClass, classes)
	b.mu.Lock()
	defer b.mu.Unlock()
	for c := range loads {
		of := &b.classes[c]
		loads[c] = tenants.ConnectionClass{Name: class(c).String(), Used: of.used, Waiting: b.waiters[c].Len(), Waits: of.waited.Histogram()}
	}
	return loads
}
