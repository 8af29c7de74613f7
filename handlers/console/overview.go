package console

import (
	"cmp"
	"net/http"
	"slices"

	"github.com/gin-gonic/gin"

	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/traffic"
)

// overviewPage sums up all tenants, servers and requests.
type overviewPage struct {
	Tenants  int64
	Behind   int64
	States   []stateCount
	Versions []versionCount
	Servers  []serverCount
	Census   lifecycle.Census
	Load     tenants.Load
	Hour     traffic.Hour
	charts
	Busiest    []busy
	Operations []operationRow
	Alerts     []alertRow
	// Failing has the tenants that this process can't open, up to a limit. Failures
	// is the number of all of them.
	Failing  []failing
	Failures int
}

// failing is a tenant that can't be opened.
type failing struct {
	tenants.Failure
	Tenant *tenants.Tenant
}

// stateCount is the number of tenants in a state.
type stateCount struct {
	State   tenants.State
	Tenants int64
}

// versionCount is the number of tenants whose database has a schema version.
type versionCount struct {
	Version, Tenants int64
	// Behind means that this program has newer migrations.
	Behind bool
}

// serverCount is the number of tenants on a server, and its connections.
type serverCount struct {
	Name    string
	Dialect string
	// Known means that the server is configured in this process.
	Known   bool
	Tenants int64
	Target  int64
	// Connections is nil if the server has no limit.
	Connections *tenants.Connections
}

// busy is a tenant with many requests.
type busy struct {
	traffic.Rank
	// Tenant is nil if it no longer exists.
	Tenant *tenants.Tenant
	// Part is its share of all requests, in percent.
	Part int
}

// shownFailing is the largest number of failing tenants on the overview.
const shownFailing = 20

// shownBusiest is the largest number of busy tenants on the overview.
const shownBusiest = 8

// overview shows the overview, from the master and this process's memory. It opens
// no tenant's database.
func (s *Console) overview(c *gin.Context) error {
	census, err := s.o.Manager.Census(c.Request.Context())
	if err != nil {
		return err
	}
	hour, err := s.o.Traffic.Hour(c.Request.Context(), "")
	if err != nil {
		return err
	}
	page := overviewPage{Census: census, Load: s.o.Store.Load(), Hour: hour}
	if page.charts, err = s.charts(c, "/", "", &hour); err != nil {
		return err
	}
	page.Servers = s.countServers(census.Groups)
	page.count(census.Groups)
	page.Operations = operationRows(census.Recent)
	if page.Busiest, err = s.busiest(c, shownBusiest, page.Hour.Requests); err != nil {
		return err
	}
	page.Alerts = s.alerts(c.Request.Context())
	failures := s.o.Store.Failing()
	page.Failures = len(failures)
	if page.Failing, err = s.failing(c, failures[:min(shownFailing, len(failures))]); err != nil {
		return err
	}
	s.show(c, http.StatusOK, "overview", "Overview", "/", page)
	return nil
}

// count adds up the groups.
func (p *overviewPage) count(groups []lifecycle.Group) {
	targets, byState, byVersion := map[string]int64{}, map[tenants.State]int64{}, map[int64]versionCount{}
	for _, server := range p.Servers {
		targets[server.Name] = server.Target
	}
	for _, g := range groups {
		p.Tenants += g.Tenants
		byState[g.State] += g.Tenants
		if !g.State.IsMigrated() {
			continue
		}
		behind := g.SchemaVersion < targets[g.Server]
		v := byVersion[g.SchemaVersion]
		byVersion[g.SchemaVersion] = versionCount{g.SchemaVersion, v.Tenants + g.Tenants, v.Behind || behind}
		if behind {
			p.Behind += g.Tenants
		}
	}
	for _, state := range tenants.States() {
		if n := byState[state]; n > 0 || state == tenants.StateActive {
			p.States = append(p.States, stateCount{state, n})
		}
	}
	for _, v := range byVersion {
		p.Versions = append(p.Versions, v)
	}
	slices.SortFunc(p.Versions, func(a, b versionCount) int { return cmp.Compare(b.Version, a.Version) })
}

// countServers returns the servers that are configured or have tenants, by name.
func (s *Console) countServers(groups []lifecycle.Group) []serverCount {
	counts := map[string]int64{}
	names := s.o.Store.Servers()
	for _, g := range groups {
		if g.State != tenants.StatePurged {
			counts[g.Server] += g.Tenants
		}
		if !slices.Contains(names, g.Server) {
			names = append(names, g.Server)
		}
	}
	slices.Sort(names)
	servers := make([]serverCount, len(names))
	for i, name := range names {
		servers[i] = s.serverCount(name, counts[name])
	}
	return servers
}

func (s *Console) serverCount(name string, n int64) serverCount {
	count := serverCount{Name: name, Tenants: n}
	engine, err := s.o.Store.Server(name)
	if err != nil {
		return count
	}
	count.Known, count.Dialect, count.Target = true, engine.Dialect(), engine.SchemaVersion()
	if b, ok := engine.(tenants.Budgeted); ok {
		connections := b.Connections()
		count.Connections = &connections
	}
	return count
}

// busiest returns the n busiest tenants of the last hour, with their share of all
// requests.
func (s *Console) busiest(c *gin.Context, n int, all int64) ([]busy, error) {
	ranks, err := s.o.Traffic.Busiest(c.Request.Context(), n)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(ranks))
	for i, rank := range ranks {
		ids[i] = rank.TenantID
	}
	found, err := s.o.Manager.ByID(c.Request.Context(), ids)
	if err != nil {
		return nil, err
	}
	rows := make([]busy, len(ranks))
	for i, rank := range ranks {
		rows[i] = busy{rank, found[rank.TenantID], int(100 * rank.Requests / max(1, all))}
	}
	return rows, nil
}

// failing returns the tenants that failed, without those that no longer exist.
func (s *Console) failing(c *gin.Context, failures []tenants.Failure) (rows []failing, err error) {
	ids := make([]string, len(failures))
	for i, f := range failures {
		ids[i] = f.TenantID
	}
	found, err := s.o.Manager.ByID(c.Request.Context(), ids)
	if err != nil {
		return nil, err
	}
	for _, f := range failures {
		if t := found[f.TenantID]; t != nil {
			rows = append(rows, failing{f, t})
		}
	}
	return rows, nil
}
