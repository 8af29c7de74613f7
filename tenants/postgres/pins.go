package postgres

import (
	"context"
	"database/sql"
	"maps"
	"strings"
)

// pinned returns the settings that every connection to a tenant's database sets when it begins. A tenant's
// role could set defaults on itself for all later sessions; a session's own settings override them.
func pinned() []string {
	return []string{
		"default_transaction_isolation", "default_transaction_deferrable", "synchronous_commit",
		"statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "idle_session_timeout", "transaction_timeout",
		"exit_on_error", "row_security", "transform_null_equals", "standard_conforming_strings", "array_nulls", "gin_fuzzy_search_limit",
		"DateStyle", "IntervalStyle", "TimeZone", "bytea_output", "extra_float_digits", "xmloption", "client_min_messages",
		"default_text_search_config", "default_tablespace", "temp_tablespaces", "local_preload_libraries",
		"work_mem", "temp_buffers", "quote_all_identifiers",
	}
}

// readPins returns the values of the pinned settings that the server has. It uses the server's own values,
// not those of the provisioner's role or database.
func readPins(ctx context.Context, admin *sql.DB) (map[string]string, error) {
	rows, err := admin.QueryContext(ctx, `SELECT name, CASE WHEN source IN ('database', 'user', 'database user') THEN boot_val ELSE setting END
		FROM pg_settings WHERE name = ANY($1)`, pinned())
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	pins := map[string]string{"default_transaction_read_only": "off", "role": "none"}
	for rows.Next() {
		var name, value string
		if err := rows.Scan(&name, &value); err != nil {
			return nil, err
		}
		pins[name] = value
	}
	return pins, rows.Err()
}

// pin adds the pins to a session's parameters, except for those that the URL sets.
func pin(parameters, pins map[string]string) {
	added := maps.Clone(pins)
	maps.DeleteFunc(added, func(name, _ string) bool {
		for set := range parameters {
			if strings.EqualFold(set, name) {
				return true
			}
		}
		return false
	})
	maps.Copy(parameters, added)
}
