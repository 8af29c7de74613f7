package postgres

import (
	"context"
	"fmt"
	"strings"
	"time"

	"tenantry/tenants"
)

var _ tenants.Exporter = (*Engine)(nil)

// Signs reads the statistics of all databases. Without track_counts each sign differs from all others. The server knows of a
// write a few seconds after it was committed.
func (e *Engine) Signs(ctx context.Context) (map[string]string, error) {
	return e.signs(ctx, e.layout.signsQuery()+`LIKE 't\_%'`)
}

// Sign reads the statistics of the tenant's database.
func (e *Engine) Sign(ctx context.Context, t *tenants.Tenant) (string, error) {
	name, err := databaseName(t)
	if err != nil {
		return "", err
	}
	signs, err := e.signs(ctx, e.layout.signsQuery()+"= $1", name)
	if err != nil {
		return "", err
	}
	sign, ok := signs[name]
	if !ok {
		return "", fmt.Errorf("%w: %w: database %s", tenants.ErrUnavailable, tenants.ErrNoDatabase, name)
	}
	return sign, nil
}

func (e *Engine) signs(ctx context.Context, query string, args ...any) (map[string]string, error) {
	rows, err := e.admin.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read which databases were written: %w", unavailable(err))
	}
	defer rows.Close()
	signs, unknown := map[string]string{}, "at "+time.Now().Format(time.RFC3339Nano)
	for rows.Next() {
		var name, sign string
		if err := rows.Scan(&name, &sign); err != nil {
			return nil, fmt.Errorf("read which databases were written: %w", unavailable(err))
		}
		if sign = strings.TrimSpace(sign); sign == "" {
			sign = unknown
		}
		signs[name] = sign
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read which databases were written: %w", unavailable(err))
	}
	return signs, nil
}
