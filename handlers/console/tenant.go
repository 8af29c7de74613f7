package console

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"tenantry/handlers/look"
	"tenantry/handlers/traffic"
	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
)

// tenantPage is a tenant, with what was and can be done to it.
type tenantPage struct {
	*tenants.Tenant
	// URL is where it is reached; empty while it isn't.
	URL string
	// Size is what its database takes, in bytes; SizeProblem is why that is not
	// known. Where there is no database neither is set.
	Size        int64
	SizeProblem string
	// Target is the schema version that migrations lead to, 0 where nothing here
	// leads anywhere.
	Target int64
	Behind bool
	Hour   traffic.Hour
	// Requests and Latency draw the hour.
	Requests, Latency chart
	Domains           []domainRow
	Story             []operationRow
	// UnderWay is the operation that is not over, nil where there is none.
	UnderWay *operationRow

	// The forms are nil where they can't be used now.
	SetName, Rename, Purge, AddDomain, Invite *look.Form
	Can                                       can
	// Done says what was just done, Problem why something was not.
	Done, Problem string
	// Invitation has just been made; its link is shown this once.
	Invitation *invitation
}

// can is which moves are open from the tenant's state.
type can struct{ Suspend, Resume, Archive, Restore, Purge bool }

// invitation is a link with which somebody sets a password, as it is shown, once.
type invitation struct {
	Email, URL string
	Until      time.Time
}

// doneTexts say what was done, by the word of it in a URL.
func doneText(done string) string {
	return map[string]string{
		"created": "The tenant is ready.", "suspended": "The tenant is suspended: its people read that it is.",
		"resumed":  "The tenant is served again.",
		"archived": "The tenant is archived: its hosts answer as if it never was, and its data is kept.",
		"restored": "The tenant is served again.", "renamed": "The tenant has its new subdomain.",
		"named":             "The tenant has its new name.",
		"purged":            "The tenant is purged. Its data can be brought back until it is removed.",
		"removed":           "The tenant’s data is removed.",
		"domain-added":      "The domain is noted. Publish the record below, then verify it.",
		"domain-verified":   "The domain is verified: the tenant is reached there.",
		"domain-unverified": "The record isn’t seen yet. Changes can take an hour to spread; verify it again then.",
		"domain-removed":    "The domain is removed.",
	}[done]
}

// storyLength is how many operations a tenant's page tells of, the last ones.
const storyLength = 200

// tenant shows one tenant.
func (s *Console) tenant(c *gin.Context) error {
	page, err := s.readTenant(c, c.Param("tenant"))
	if err != nil {
		return err
	}
	page.Done = doneText(c.Query("done"))
	s.showTenant(c, http.StatusOK, page)
	return nil
}

func (s *Console) showTenant(c *gin.Context, status int, page *tenantPage) {
	s.show(c, status, "tenant", page.Name, "/tenants", page)
}

// readTenant reads what is known of a tenant, without opening its database.
func (s *Console) readTenant(c *gin.Context, name string) (*tenantPage, error) {
	ctx := c.Request.Context()
	t, err := s.o.Manager.Get(ctx, name)
	if err != nil {
		return nil, err
	}
	story, _, err := s.o.Manager.Operations(ctx, lifecycle.OperationFilter{TenantID: t.ID}, "", storyLength)
	if err != nil {
		return nil, err
	}
	page := &tenantPage{Tenant: t, Story: operationRows(story), Hour: s.o.Traffic.Hour(t.ID), Domains: s.domainRows(t),
		Behind: s.isBehind(t)}
	if len(page.Story) > 0 && page.Story[0].Unfinished() {
		page.UnderWay = &page.Story[0]
	}
	page.Requests, page.Latency = requestsChart(page.Hour), latencyChart(page.Hour)
	if t.State == tenants.StateActive || t.State == tenants.StateSuspended {
		page.URL = s.o.Origin(t.Subdomain)
	}
	s.measure(c, page)
	page.offer()
	return page, nil
}

// tenantEvents streams what is done to the tenant, until nothing is.
func (s *Console) tenantEvents(c *gin.Context) {
	ctx, name := c.Request.Context(), c.Param("tenant")
	t, err := s.o.Manager.Get(ctx, name)
	if err != nil {
		s.fail(c, err)
		return
	}
	filter := lifecycle.OperationFilter{TenantID: t.ID, Unfinished: true}
	s.stream(c, func(send func(name string, data any)) (over bool) {
		found, _, err := s.o.Manager.Operations(ctx, filter, "", 1)
		if err != nil {
			return false // it is asked again
		}
		if len(found) > 0 {
			send("progress", stepEvent{found[0].Step, found[0].State})
		}
		return len(found) == 0
	})
}

// measure asks the tenant's server for the size of its database.
func (s *Console) measure(c *gin.Context, page *tenantPage) {
	engine, err := s.o.Store.Server(page.Server)
	if err != nil {
		page.SizeProblem = "the server is not configured here"
		return
	}
	page.Target = engine.SchemaVersion()
	sizer, ok := engine.(tenants.Sizer)
	if !ok || !hasDatabase(page.State) {
		return
	}
	if page.Size, err = sizer.Size(c.Request.Context(), page.Tenant); err != nil {
		page.SizeProblem = describe(c, err).Detail
	}
}

// offer offers what can be done in the tenant's state.
func (p *tenantPage) offer() {
	path, state := tenantPath(p.Tenant), p.State
	active, suspended, archived := state == tenants.StateActive, state == tenants.StateSuspended,
		state == tenants.StateArchived
	p.Can = can{
		Suspend: active, Resume: suspended, Archive: active || suspended, Purge: archived,
		Restore: archived || state == tenants.StatePurged && p.RemoveAfter != nil,
	}
	if active || suspended || archived {
		p.SetName = nameForm(path, p.Name)
	}
	if active || suspended {
		p.Rename = renameForm(path, p.Subdomain)
	}
	if archived {
		p.Purge = purgeForm(path)
	}
	if active || suspended || archived {
		p.AddDomain = domainForm(path)
	}
	if active {
		p.Invite = inviteForm(path)
	}
}

// Link is the path of the page.
func (p *tenantPage) Link() string { return tenantPath(p.Tenant) }

// Removed tells whether the tenant's data is gone.
func (p *tenantPage) Removed() bool { return p.State == tenants.StatePurged && p.RemoveAfter == nil }
