package tenants

import (
	"cmp"
	"context"
	"slices"
	"time"

	"gorm.io/gorm"
)

// ServerHealth describes a server on which this process can't open some tenants.
type ServerHealth struct {
	Name string `json:"name"`
	// Failing is the number of tenants that can't be opened.
	Failing int `json:"tenants_failing"`
	// Since is when the first of them failed.
	Since time.Time `json:"since"`
	// Serving means that other tenants on the server can be opened.
	Serving bool `json:"serving"`
}

// Health returns the servers on which tenants can't be opened, sorted by name. If nothing on a
// server has succeeded since its last failure, Health tries to open some of its tenants.
func (s *Store) Health(ctx context.Context) []ServerHealth {
	failing := map[string][]Failure{}
	for _, f := range s.Failing() {
		failing[f.Server] = append(failing[f.Server], f)
	}
	var servers []ServerHealth
	for name, list := range failing {
		last := slices.MaxFunc(list, func(a, b Failure) int { return a.Since.Compare(b.Since) })
		serving := s.failures.servedSince(name, last.Since) || s.probe(ctx, name, list)
		servers = append(servers, ServerHealth{name, len(list), list[0].Since.UTC(), serving})
	}
	slices.SortFunc(servers, func(a, b ServerHealth) int { return cmp.Compare(a.Name, b.Name) })
	return servers
}

// CanServe reports whether tenants can be opened on at least one configured server. servers is what
// Health returned.
func (s *Store) CanServe(servers []ServerHealth) bool {
	for _, name := range s.Servers() {
		down := slices.ContainsFunc(servers, func(h ServerHealth) bool { return h.Name == name && !h.Serving })
		if !down {
			return true
		}
	}
	return false
}

// probes is the number of tenants without failures that probe tries.
const probes = 2

// probe reports whether a tenant on the server can be opened. It tries tenants that have not failed,
// then the tenant whose failure is oldest.
func (s *Store) probe(ctx context.Context, server string, failing []Failure) bool {
	ids := make([]string, len(failing))
	for i, f := range failing {
		ids[i] = f.TenantID
	}
	var others, first []Tenant
	err := s.master.View(ctx, func(tx *gorm.DB) error {
		active := func() *gorm.DB { return tx.Where("server = ? AND state = ?", server, StateActive) }
		if err := active().Where("id NOT IN ?", ids).Order("id").Limit(probes).Find(&others).Error; err != nil {
			return err
		}
		return active().Where("id = ?", ids[0]).Find(&first).Error
	})
	if err != nil {
		return false
	}
	if len(first) == 0 { // the tenant is no longer active
		s.failures.forget(ids[0])
	}
	for _, t := range append(others, first...) {
		if s.View(ctx, &t, func(*gorm.DB) error { return nil }) == nil {
			return true
		}
	}
	return false
}
