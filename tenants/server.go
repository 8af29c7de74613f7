package tenants

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ServerState says whether a server takes new tenants.
type ServerState string

// The states of a server.
const (
	ServerActive ServerState = "active"
	// ServerDraining means that no new tenants are placed on the server. Those on it are served.
	ServerDraining ServerState = "draining"
)

// Placement is how tenants lie on a Postgres server.
type Placement string

// The placements.
const (
	// PlacementDatabase gives each tenant a database of its own.
	PlacementDatabase Placement = "database"
	// PlacementSchema gives each tenant a schema of its own in one database, whose connections all tenants share.
	PlacementSchema Placement = "schema"
)

// Server is where tenants' databases live: a Postgres server or a folder of SQLite files. The master has a
// row for each. Each process is configured with DefaultServer, whose row has no URL.
type Server struct {
	// ID is a lower-case ULID. A server that is removed and added again has another.
	ID string `gorm:"primaryKey;not null;check:servers_id_check,length(id) = 26"`
	// Name is what Tenant.Server refers to.
	Name string `gorm:"not null;check:servers_name_check,length(name) BETWEEN 1 AND 63;uniqueIndex:servers_name_key"`
	// Dialect is "sqlite" or "postgres". It is empty for DefaultServer.
	Dialect string `gorm:"not null;check:servers_dialect_check,dialect IN ('', 'sqlite', 'postgres')"`
	// Address says where the server is, for operators. It contains no secrets.
	Address string `gorm:"not null"`
	// URL is sqlite:DIR or postgres://…, sealed for SealID. It is nil for DefaultServer.
	URL []byte `gorm:"column:url"`
	// Capacity is the largest number of tenants to place on the server. 0 means any number.
	Capacity int64 `gorm:"not null;check:servers_capacity_check,capacity >= 0"`
	// Connections limits the connections of all processes to tenants' databases on the server. 0 means what a
	// Postgres server allows.
	Connections int64 `gorm:"not null;check:servers_connections_check,connections >= 0"`
	// Placement is how tenants lie on a Postgres server. It is empty for DefaultServer.
	Placement Placement `gorm:"not null;default:('');check:servers_placement_check,placement IN ('', 'database', 'schema')"`
	// Pooler is the URL, without a user, of a pooler in front of the server, over which scopes connect. It is empty without
	// one. It contains no secrets.
	Pooler string `gorm:"not null;default:('')"`
	// Labels are what operators say about the server, by name.
	Labels    map[string]string `gorm:"serializer:json;type:text;not null"`
	State     ServerState       `gorm:"not null;check:servers_state_check,state IN ('active', 'draining')"`
	CreatedAt time.Time         `gorm:"not null"`
}

// SealID returns the id for which the server's URL is sealed.
func (s *Server) SealID() string { return "server:" + s.ID }

// ErrInvalidServer matches every *ServerError.
var ErrInvalidServer = errors.New("invalid server")

// ServerError explains why a server can't have a value. It matches ErrInvalidServer.
type ServerError struct {
	// Field is name, capacity, connections, labels, placement or pooler.
	Field string
	// Rule is the rule that the value breaks, written for people.
	Rule string
}

// Error returns the field and the rule.
func (e *ServerError) Error() string { return e.Field + " " + e.Rule }

// Unwrap returns ErrInvalidServer.
func (e *ServerError) Unwrap() error { return ErrInvalidServer }

// maxServerName bounds the length of a server's name.
const maxServerName = 40

// Validate returns a *ServerError if the server can't have its name, capacity, connections, labels, placement or pooler.
func (s *Server) Validate() error {
	const negative = "must not be negative"
	switch {
	case !isLabel(s.Name) || len(s.Name) > maxServerName:
		return &ServerError{"name", fmt.Sprintf("may hold only a-z, 0-9 and, inside, hyphens, and at most %d characters", maxServerName)}
	case s.Capacity < 0:
		return &ServerError{"capacity", negative}
	case s.Connections < 0:
		return &ServerError{"connections", negative}
	case len(s.Labels) > maxServerLabels:
		return &ServerError{"labels", fmt.Sprintf("are more than %d", maxServerLabels)}
	}
	if err := s.validatePlacement(); err != nil {
		return err
	}
	for name, value := range s.Labels {
		if !isLabel(name) || !isLabel(value) {
			return &ServerError{"labels", "may hold only a-z, 0-9 and, inside, hyphens, and at most 63 characters on each side"}
		}
	}
	return nil
}

func (s *Server) validatePlacement() error {
	switch {
	case s.Placement != "" && s.Placement != PlacementDatabase && s.Placement != PlacementSchema:
		return &ServerError{"placement", fmt.Sprintf("must be %s or %s", PlacementDatabase, PlacementSchema)}
	case s.Placement == PlacementSchema && s.Dialect == "sqlite":
		return &ServerError{"placement", fmt.Sprintf("can be %s on a Postgres server alone", PlacementSchema)}
	case s.Pooler != "" && s.Placement != PlacementSchema:
		return &ServerError{"pooler", fmt.Sprintf("is of use with placement %s alone: elsewhere a connection belongs to one tenant's database", PlacementSchema)}
	}
	return nil
}

// maxServerLabels bounds the number of a server's labels.
const maxServerLabels = 20

// Placed is an Engine on Postgres.
type Placed interface {
	Engine
	// Placement returns how tenants lie on the server.
	Placement() Placement
}

// Identified is an Engine that can be compared with others on the same server.
type Identified interface {
	Engine
	// Identity returns what engines have in common if they keep databases in the same place of the same server,
	// and what others don't have. It may change when the server restarts.
	Identity(ctx context.Context) (string, error)
}
