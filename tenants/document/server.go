package document

import (
	"time"

	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
)

// Server is a server as JSON. Its URL is secret.
type Server struct {
	Name string `json:"name"`
	// Dialect is sqlite or postgres. It is empty for the default server, which processes are configured with.
	Dialect string `json:"dialect"`
	// Address says where the server is.
	Address string              `json:"address"`
	State   tenants.ServerState `json:"state"`
	// Tenants is the number of tenants with data on the server, and Capacity the largest number to place on it; 0 is
	// any number.
	Tenants     int64 `json:"tenants"`
	Capacity    int64 `json:"capacity"`
	Connections int64 `json:"connections"`
	// Placement is how tenants lie on a Postgres server, and Pooler the URL of the pooler over which their scopes connect.
	Placement tenants.Placement `json:"placement"`
	Pooler    string            `json:"pooler"`
	Labels    map[string]string `json:"labels"`
	CreatedAt time.Time         `json:"created_at"`
}

// ServerOf returns the document of a server.
func ServerOf(s *lifecycle.ServerUse) Server {
	labels := s.Labels
	if labels == nil {
		labels = map[string]string{}
	}
	return Server{s.Name, s.Dialect, s.Address, s.State, s.Tenants, s.Capacity, s.Connections, s.Placement, s.Pooler, labels, s.CreatedAt.UTC()}
}

// Servers returns a list of servers.
func Servers(all []lifecycle.ServerUse) List[Server] {
	documents := make([]Server, len(all))
	for i := range all {
		documents[i] = ServerOf(&all[i])
	}
	return ListOf(documents, "")
}
