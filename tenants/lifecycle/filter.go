package lifecycle

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"tenantry/tenants"
)

// TypedSearch is an unparsed Search, as a person typed it. Empty values match all tenants.
type TypedSearch struct {
	Text, State, Server, SchemaVersion string
	// Settings are values by key.
	Settings map[string]string
}

// TypedOperationFilter is an unparsed OperationFilter, as a person typed it. Empty values match
// all operations.
type TypedOperationFilter struct{ Tenant, Kind, State, By, Since, Until, Unfinished string }

// FilterError means that a list can't be filtered by a value.
type FilterError struct {
	// Field names the value. Message says which values are valid.
	Field, Message string
}

// Error returns the field and the message.
func (e *FilterError) Error() string { return e.Field + " " + e.Message }

// ReadSearch parses a filter of tenants. Returns a *FilterError for a value that no tenant can
// have.
func (m *Manager) ReadSearch(ctx context.Context, f TypedSearch) (Search, error) {
	s := Search{Text: strings.TrimSpace(f.Text), State: tenants.State(f.State), Server: f.Server}
	if err := oneOf("state", s.State, tenants.States()); err != nil {
		return s, err
	}
	if f.SchemaVersion != "" {
		n, ok := readVersion(f.SchemaVersion)
		if !ok {
			return s, &FilterError{"schema_version", "must be a whole number from 1"}
		}
		s.SchemaVersion = n
	}
	var err error
	if s.Settings, err = m.store.FilterSettings(f.Settings); err != nil {
		return s, &FilterError{"where", err.Error()}
	}
	return s, m.checkServer(ctx, f.Server)
}

// checkServer returns an error for a server that is not configured and has no tenants.
func (m *Manager) checkServer(ctx context.Context, name string) error {
	servers := m.store.Servers()
	if name == "" || slices.Contains(servers, name) {
		return nil
	}
	has, err := m.HasTenants(ctx, name)
	if err == nil && !has {
		return &FilterError{"server", "must be one of: " + strings.Join(servers, ", ")}
	}
	return err
}

// ReadOperationFilter parses a filter of operations. Returns a *FilterError for a value that no
// operation can have.
func (m *Manager) ReadOperationFilter(ctx context.Context, f TypedOperationFilter) (OperationFilter, error) {
	o := OperationFilter{
		Kind: tenants.OperationKind(f.Kind), State: tenants.OperationState(f.State), By: f.By, Unfinished: f.Unfinished == "true",
	}
	if err := oneOf("kind", o.Kind, tenants.OperationKinds()); err != nil {
		return o, err
	}
	if err := oneOf("state", o.State, tenants.OperationStates()); err != nil {
		return o, err
	}
	if err := oneOf("unfinished", f.Unfinished, []string{"true", "false"}); err != nil {
		return o, err
	}
	var err error
	if o.Since, err = readTime("since", f.Since); err != nil {
		return o, err
	}
	if o.Until, err = readTime("until", f.Until); err != nil {
		return o, err
	}
	if f.Tenant == "" {
		return o, nil
	}
	t, err := m.Get(ctx, f.Tenant)
	if err != nil {
		return o, unknownTenant(err)
	}
	o.TenantID = t.ID
	return o, nil
}

// oneOf returns a *FilterError unless value is empty or one of all.
func oneOf[T ~string](field string, value T, all []T) error {
	if value == "" || slices.Contains(all, value) {
		return nil
	}
	names := make([]string, len(all))
	for i, one := range all {
		names[i] = string(one)
	}
	return &FilterError{field, "must be one of: " + strings.Join(names, ", ")}
}

// readTime parses a time. Without a zone it is in UTC. An empty text is the zero time.
func readTime(field, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04", time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil && at.Year() >= 1970 { // the zero time would be none
			return at, nil
		}
	}
	return time.Time{}, &FilterError{field, "must be a time such as 2026-03-31T08:00:00Z, or a day such as 2026-03-31"}
}

// readVersion parses a schema version.
func readVersion(text string) (int64, bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil && n > 0 && strconv.FormatInt(n, 10) == text
}

// IsOperationID reports whether text is a valid id of an operation, a lower-case ULID.
func IsOperationID(text string) bool {
	_, err := ulid.ParseStrict(text)
	return err == nil && text == strings.ToLower(text)
}

// unknownTenant returns a *FilterError if err means that there is no such tenant, else err.
func unknownTenant(err error) error {
	if errors.Is(err, tenants.ErrUnknownTenant) {
		return &FilterError{"tenant", "is not the subdomain or id of a tenant"}
	}
	return err
}
