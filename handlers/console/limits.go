package console

import (
	"strings"

	"tenantry/tenants"
)

// limitLabel returns the name of a limit for people.
func limitLabel(limit tenants.Limit) string {
	switch limit {
	case tenants.LimitRequests:
		return "Requests a second"
	case tenants.LimitConcurrency:
		return "Requests at once"
	case tenants.LimitSize:
		return "Size of the database"
	case tenants.LimitStatementTime:
		return "Time of a statement"
	}
	return "Size of a body"
}

// limitsText describes a change of limits.
func limitsText(changes map[tenants.Limit]string) string {
	var parts []string
	for _, limit := range tenants.AllLimits() {
		if text := changes[limit]; text != "" {
			parts = append(parts, strings.ToLower(limitLabel(limit))+" "+text)
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return ": " + strings.Join(parts, ", ")
}
