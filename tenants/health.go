package tenants

import (
	"cmp"
	"context"
	"slices"
	"time"

	"gorm.io/gorm"
)

// ServerHealth is how this process fares with a server on which tenants can't
// be opened.
type ServerHealth struct {
	Name string `json:"name"`
	// Failing is how many tenants can't be opened.
	Failing int `json:"tenants_failing"`
	// Since is when the first of them failed.
	Since time.Time `json:"since"`
	// Serving says that other tenants on the server can be opened.
	Serving bool `json:"serving"`
}

// Health tells of the servers on which tenants can't be opened, by name. Where
// nothing has succeeded since, it tries some tenants itself.
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

// CanServe tells whether a server is left on which tenants can be opened, of
// the configured ones. servers is Health's answer.
func (s *Store) CanServe(servers []ServerHealth) bool {
	for _, name := range s.Servers() {
		down := slices.ContainsFunc(servers, func(h ServerHealth) bool { return h.Name == name && !h.Serving })
		if !down {
			return true
		}
	}
	return false
}

// probes is how many tenants that have not failed are tried for one answer.
const probes = 2

// probe tells whether a tenant on the server can be opened: one that has not
// failed, or else the one that failed first.
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
	if len(first) == 0 { // it is not served any more
		s.failures.forget(ids[0])
	}
	for _, t := range append(others, first...) {
		if s.View(ctx, &t, func(*gorm.DB) error { return nil }) == nil {
			return true
		}
	}
	return false
}
