package lifecycle

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"gorm.io/gorm"

	"tenantry/tenants"
)

// PlacementError means that a new tenant can't be placed on a server.
type PlacementError struct {
	// Server is the server that was named, or empty if any would do.
	Server string
	// Reason says why not, written for people.
	Reason string
}

// Error returns the server and the reason.
func (e *PlacementError) Error() string {
	if e.Server == "" {
		return e.Reason
	}
	return fmt.Sprintf("server %q %s", e.Server, e.Reason)
}

// place returns the server for a new tenant, and its engine: the server that n names, else the active one with the
// labels that has the largest part of its capacity free. A server without capacity counts as free; among equals the
// one with the fewest tenants is taken. It passes over servers that can't be opened.
func (m *Manager) place(ctx context.Context, n NewTenant) (string, tenants.Engine, error) {
	if n.Server != "" {
		engine, err := m.store.Server(n.Server)
		if err != nil && !slices.Contains(m.store.Servers(), n.Server) {
			err = serverError(n.Server, ErrUnknownServer)
		}
		return n.Server, engine, err
	}
	all, err := m.Servers(ctx)
	if err != nil {
		return "", nil, err
	}
	all = slices.DeleteFunc(all, func(s ServerUse) bool {
		return s.State != tenants.ServerActive || s.free() <= 0 || !hasLabels(s.Labels, n.Labels)
	})
	slices.SortFunc(all, func(a, b ServerUse) int {
		return cmp.Or(-cmp.Compare(a.free(), b.free()), cmp.Compare(a.Tenants, b.Tenants), cmp.Compare(a.Name, b.Name))
	})
	var silent error
	for _, s := range all {
		engine, err := m.store.Server(s.Name)
		if err == nil {
			return s.Name, engine, nil
		}
		silent = cmp.Or(silent, err)
	}
	if silent != nil {
		return "", nil, silent
	}
	return "", nil, &PlacementError{"", "no active server with these labels has room for a new tenant"}
}

// free returns which part of the server's capacity is free.
func (s ServerUse) free() float64 {
	if s.Capacity == 0 {
		return 1
	}
	return 1 - float64(s.Tenants)/float64(s.Capacity)
}

func hasLabels(labels, want map[string]string) bool {
	for name, value := range want {
		if got, ok := labels[name]; !ok || got != value {
			return false
		}
	}
	return true
}

// claim returns a *PlacementError if the server takes no more tenants. Its row stays locked until tx ends, so that
// it is neither drained nor removed meanwhile, and no other tenant takes the last place.
func claim(tx *gorm.DB, name string) error {
	var row tenants.Server
	err := forUpdate(tx).Take(&row, "name = ?", name).Error
	switch {
	case errors.Is(err, gorm.ErrRecordNotFound): // a server of the configuration
		return nil
	case err != nil:
		return err
	case row.State != tenants.ServerActive:
		return &PlacementError{name, "is draining and takes no new tenants"}
	case row.Capacity == 0:
		return nil
	}
	var has int64
	if err := withData(tx).Where("server = ?", name).Count(&has).Error; err != nil {
		return err
	}
	if has >= row.Capacity {
		return &PlacementError{name, fmt.Sprintf("has %d tenants, and its capacity is %d", has, row.Capacity)}
	}
	return nil
}
