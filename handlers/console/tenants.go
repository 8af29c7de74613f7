package console

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"

	"tenantry/handlers/look"
	"tenantry/handlers/traffic"
	"tenantry/models"
	"tenantry/tenants/lifecycle"
)

// tenantsPage lists tenants.
type tenantsPage struct {
	Search  lifecycle.Search
	Busiest bool
	States  []look.Option
	Servers []look.Option
	Rows    []tenantRow
	// First and Next lead to other pages; empty where one is there, or at the end.
	First, Next string
}

// tenantRow is a tenant of a list, with its last hour.
type tenantRow struct {
	*models.Tenant
	Traffic traffic.Total
	// Behind says that migrations have something to do for it.
	Behind bool
}

// Link is the path of the tenant's page.
func (r tenantRow) Link() string { return tenantPath(r.Tenant) }

// tenantPath is the path of a tenant's page. Those whose subdomain is no longer
// their own are found by their id.
func tenantPath(t *models.Tenant) string {
	if t.State == models.StatePurged {
		return "/tenants/" + url.PathEscape(t.ID)
	}
	return "/tenants/" + url.PathEscape(t.Subdomain)
}

// shownTenants is how many tenants a page has.
const shownTenants = 50

// tenants lists tenants, those that are searched for.
func (s *Console) tenants(c *gin.Context) error {
	page := tenantsPage{
		Search: lifecycle.Search{Text: strings.TrimSpace(c.Query("search")), State: models.State(c.Query("state")),
			Server: c.Query("server")},
		Busiest: c.Query("order") == "busiest",
	}
	page.States = []look.Option{{Label: "Every state"}}
	for _, state := range states() {
		page.States = append(page.States, look.Option{Value: string(state), Label: string(state)})
	}
	page.Servers = []look.Option{{Label: "Every server"}}
	for _, name := range s.o.Store.Servers() {
		page.Servers = append(page.Servers, look.Option{Value: name, Label: name})
	}
	list := s.list
	if page.Busiest {
		list = s.listBusiest
	}
	if err := list(c, &page); err != nil {
		return err
	}
	s.show(c, http.StatusOK, "tenants", "Tenants", "/tenants", &page)
	return nil
}

// list lists tenants by their subdomains.
func (s *Console) list(c *gin.Context, page *tenantsPage) error {
	after := c.Query("after")
	found, next, err := s.o.Manager.Find(c.Request.Context(), page.Search, after, shownTenants)
	if err != nil {
		return err
	}
	hours := map[string]traffic.Total{}
	for _, rank := range s.o.Traffic.Busiest(traffic.DefaultTenants) {
		hours[rank.TenantID] = rank.Total
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

// listBusiest lists the tenants with the most requests in the last hour.
func (s *Console) listBusiest(c *gin.Context, page *tenantsPage) error {
	rows, err := s.busiest(c, traffic.DefaultTenants, 0)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if row.Tenant != nil && takes(page.Search, row.Tenant) {
			page.add(s, row.Tenant, row.Total)
		}
	}
	return nil
}

// takes tells whether a search takes the tenant, as Manager.Find does.
func takes(search lifecycle.Search, t *models.Tenant) bool {
	text := lifecycle.Fold(search.Text)
	return (search.State == "" || t.State == search.State) && (search.Server == "" || t.Server == search.Server) &&
		(strings.Contains(t.Subdomain, text) || strings.Contains(lifecycle.Fold(t.Name), text))
}

func (p *tenantsPage) add(s *Console, t *models.Tenant, hour traffic.Total) {
	p.Rows = append(p.Rows, tenantRow{t, hour, s.isBehind(t)})
}

// isBehind tells whether migrations have something to do for the tenant.
func (s *Console) isBehind(t *models.Tenant) bool {
	engine, err := s.o.Store.Server(t.Server)
	return err == nil && hasDatabase(t.State) && t.SchemaVersion < engine.SchemaVersion()
}

// link is the path of a page of the same list.
func (p *tenantsPage) link(after string) string {
	query := url.Values{}
	for name, value := range map[string]string{"search": p.Search.Text, "state": string(p.Search.State),
		"server": p.Search.Server, "after": after} {
		if value != "" {
			query.Set(name, value)
		}
	}
	if len(query) == 0 {
		return "/tenants"
	}
	return "/tenants?" + query.Encode()
}

// Narrowed tells whether anything is searched for.
func (p *tenantsPage) Narrowed() bool { return p.Search != lifecycle.Search{} }
