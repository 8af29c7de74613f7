package console

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"

	"github.com/gin-gonic/gin"

	"tenantry/handlers/look"
	"tenantry/handlers/operator"
	"tenantry/handlers/problem"
	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/traffic"
)

// tenantsPage lists tenants.
type tenantsPage struct {
	Filter lifecycle.TypedSearch
	Search lifecycle.Search
	// Order is the order of the list, one of Orders.
	Order                   string
	States, Servers, Orders []look.Option
	Rows                    []tenantRow
	// First and Next are the paths of other pages. They are empty on the first or
	// the last page.
	First, Next string
}

// tenantRow is a tenant in a list, with its last hour.
type tenantRow struct {
	*tenants.Tenant
	Traffic traffic.Total
	// Size is the size of its database, or 0 if it isn't known.
	Size int64
	// Behind means that the tenant has pending migrations.
	Behind bool
}

// Link returns the path of the tenant's page.
func (r tenantRow) Link() string { return tenantPath(r.Tenant) }

// tenantPath returns the path of a tenant's page. A tenant that has lost its
// subdomain has its id in the path.
func tenantPath(t *tenants.Tenant) string {
	if t.State == tenants.StatePurged {
		return "/tenants/" + url.PathEscape(t.ID)
	}
	return "/tenants/" + url.PathEscape(t.Subdomain)
}

// shownTenants is the number of tenants on a page.
const shownTenants = 50

// orders returns the orders of the list.
func orders() []look.Option {
	return []look.Option{
		{Label: "by subdomain"}, {Value: "requests", Label: "most requests first"}, {Value: "failures", Label: "most failures first"},
		{Value: "p95", Label: "slowest first (p95)"}, {Value: "size", Label: "largest first"},
	}
}

// tenants lists the tenants that match the search.
func (s *Console) tenants(c *gin.Context) error {
	page := tenantsPage{Order: c.Query("order"), Orders: orders(), Filter: lifecycle.TypedSearch{
		Text: c.Query("search"), State: c.Query("state"), Server: c.Query("server"), SchemaVersion: c.Query("version"),
	}}
	var err error
	if page.Search, err = s.o.Manager.ReadSearch(c.Request.Context(), page.Filter); err != nil {
		return err
	}
	page.States = []look.Option{{Label: "Every state"}}
	for _, state := range tenants.States() {
		page.States = append(page.States, look.Option{Value: string(state), Label: string(state)})
	}
	page.Servers = []look.Option{{Label: "Every server"}}
	for _, name := range s.serverNames(page.Search.Server) {
		page.Servers = append(page.Servers, look.Option{Value: name, Label: name})
	}
	if err := s.fillTenants(c, &page); err != nil {
		return err
	}
	s.show(c, http.StatusOK, "tenants", "Tenants", "/tenants", &page)
	return nil
}

// serverNames returns the configured servers, and the one asked for.
func (s *Console) serverNames(asked string) []string {
	names := s.o.Store.Servers()
	if asked != "" && !slices.Contains(names, asked) {
		names = append(names, asked)
	}
	return names
}

// fillTenants reads the rows in the order of the page.
func (s *Console) fillTenants(c *gin.Context, page *tenantsPage) error {
	switch page.Order {
	case "":
		return s.list(c, page)
	case "requests", "failures", "p95":
		return s.listBusiest(c, page)
	case "size":
		return s.listLargest(c, page)
	}
	return problem.InvalidField("order", "must be one of: requests, failures, p95, size")
}

// list lists tenants by subdomain.
func (s *Console) list(c *gin.Context, page *tenantsPage) error {
	after, err := operator.TenantsAfter(c)
	if err != nil {
		return err
	}
	found, next, err := s.o.Manager.Find(c.Request.Context(), page.Search, after, shownTenants)
	if err != nil {
		return err
	}
	hours, err := s.hours(c)
	if err != nil {
		return err
	}
	for i := range found {
		page.add(s, &found[i], hours[found[i].ID])
	}
	if after != "" {
		page.First = page.link("")
	}
	if next != "" {
		page.Next = page.link(next)
	}
	return nil
}

// hours returns the last hours of the tenants that are counted separately, by id.
func (s *Console) hours(c *gin.Context) (map[string]traffic.Total, error) {
	ranks, err := s.o.Traffic.Busiest(c.Request.Context(), traffic.DefaultTenants)
	if err != nil {
		return nil, err
	}
	hours := make(map[string]traffic.Total, len(ranks))
	for _, rank := range ranks {
		hours[rank.TenantID] = rank.Total
	}
	return hours, nil
}

// listBusiest lists the tenants with requests in the last hour, in the order of the
// page.
func (s *Console) listBusiest(c *gin.Context, page *tenantsPage) error {
	rows, err := s.busiest(c, traffic.DefaultTenants, 0)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if row.Tenant != nil && page.Search.Takes(row.Tenant) {
			page.add(s, row.Tenant, row.Total)
		}
	}
	slices.SortStableFunc(page.Rows, func(a, b tenantRow) int {
		switch page.Order {
		case "failures":
			return cmp.Compare(b.Traffic.Failed, a.Traffic.Failed)
		case "p95":
			return cmp.Compare(b.Traffic.P95, a.Traffic.P95)
		}
		return 0 // already sorted by requests
	})
	return nil
}

// shownLargest is the largest number of tenants in the list by size.
const shownLargest = 256

// listLargest lists the tenants with the largest databases.
func (s *Console) listLargest(c *gin.Context, page *tenantsPage) error {
	ctx := c.Request.Context()
	found, err := s.o.Manager.Databases(ctx, page.Search)
	if err != nil {
		return err
	}
	known := s.sizes.of(ctx, s.o.Store, s.o.Now())
	slices.SortFunc(found, func(a, b tenants.Tenant) int {
		return cmp.Or(cmp.Compare(sizeIn(known, &b), sizeIn(known, &a)), cmp.Compare(a.ID, b.ID))
	})
	ids := make([]string, min(len(found), shownLargest))
	for i := range ids {
		ids[i] = found[i].ID
	}
	byID, err := s.o.Manager.ByID(ctx, ids)
	if err != nil {
		return err
	}
	hours, err := s.hours(c)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if t := byID[id]; t != nil {
			page.add(s, t, hours[id])
			page.Rows[len(page.Rows)-1].Size = sizeIn(known, t)
		}
	}
	return nil
}

func (p *tenantsPage) add(s *Console, t *tenants.Tenant, hour traffic.Total) {
	p.Rows = append(p.Rows, tenantRow{Tenant: t, Traffic: hour, Behind: s.isBehind(t)})
}

// isBehind reports whether the tenant has pending migrations.
func (s *Console) isBehind(t *tenants.Tenant) bool {
	engine, err := s.o.Store.Server(t.Server)
	return err == nil && t.State.IsMigrated() && t.SchemaVersion < engine.SchemaVersion()
}

// link returns the path of a page of the same list.
func (p *tenantsPage) link(after string) string {
	return linkTo("/tenants", "search", p.Filter.Text, "state", p.Filter.State, "server", p.Filter.Server,
		"version", p.Filter.SchemaVersion, "after", after)
}

// linkTo returns a path with a query. pairs are names and values; empty values are
// left out.
func linkTo(path string, pairs ...string) string {
	query := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			query.Set(pairs[i], pairs[i+1])
		}
	}
	if len(query) == 0 {
		return path
	}
	return path + "?" + query.Encode()
}

// Narrowed reports whether the list is filtered.
func (p *tenantsPage) Narrowed() bool { return !p.Search.IsZero() }

// Busiest reports whether the tenants are sorted by their requests.
func (p *tenantsPage) Busiest() bool { return p.Order != "" && p.Order != "size" }
