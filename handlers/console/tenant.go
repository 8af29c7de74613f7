package console

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"tenantry/handlers/look"
	"tenantry/handlers/operator"
	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/operators"
	"tenantry/tenants/traffic"
)

// tenantPage shows a tenant, its operations, and what can be done to it.
type tenantPage struct {
	*tenants.Tenant
	// URL is the tenant's address, or empty if it isn't served.
	URL string
	// Size is the size of its database in bytes. SizeProblem says why it isn't
	// known. Neither is set if there is no database.
	Size        int64
	SizeProblem string
	// Target is the schema version to migrate to, or 0 if this process has no
	// migrations for the tenant.
	Target int64
	Behind bool
	Hour   traffic.Hour
	charts
	Domains []domainRow
	// Limits are those in force.
	Limits []limitRow
	// Settings are the values in force.
	Settings []tenants.Setting
	Story    []operationRow
	// Proof is what came of trying its backups, or nil.
	Proof *tenants.Proof
	// UnderWay is the unfinished operation, or nil.
	UnderWay *operationRow

	// A form is nil if it can't be used in the tenant's state.
	SetName, SetLimits, SetSettings, Close, Rename, Swap, Purge, AddDomain, Invite *look.Form
	// Clone, Move and RestoreAs are as well.
	Clone, Move, RestoreAs *look.Form
	// Exportable means that its data can be downloaded.
	Exportable bool
	// Enterable means that the operator can enter it as one of its people.
	Enterable bool
	Can       can
	// Done says what has just been done, Problem why something could not be.
	Done, Problem string
	// Invitation is a new invitation. Its link is shown only once.
	Invitation *invitation
}

// can says which changes of state are possible.
type can struct{ Suspend, Resume, Archive, Restore, Purge bool }

// invitation is a link with which an admin sets a password. It is shown only once.
type invitation struct {
	Email, URL string
	Until      time.Time
}

// doneText returns the text for a result, by its word in the URL.
func doneText(done string) string {
	return map[string]string{
		"created": "The tenant is ready.", "suspended": "The tenant is suspended. Its pages say so.",
		"resumed":  "The tenant is served again.",
		"archived": "The tenant is archived. Its hosts answer 404, and its data is kept.",
		"restored": "The tenant is served again.", "renamed": "The tenant has its new subdomain.",
		"moved":             "The tenant is on its new server.",
		"swapped":           "The tenants are exchanged. This one is served here now; swap again to take it back.",
		"named":             "The tenant has its new name.",
		"limited":           "The limits are changed. They are in force within a second.",
		"set":               "The settings are changed. They are in force within a second.",
		"closed":            "The tenant is closed for maintenance. Its pages say so.",
		"opened":            "Maintenance has ended.",
		"purged":            "The tenant is purged. It can be restored until its data is removed.",
		"removed":           "The tenant’s data is removed.",
		"domain-added":      "The domain is added. Publish the TXT record below, then verify the domain.",
		"domain-verified":   "The domain is verified. The tenant is served there.",
		"domain-unverified": "The TXT record hasn’t been found yet. Changes can take an hour to spread; try again then.",
		"domain-removed":    "The domain is removed.",
	}[done]
}

// storyLength is the largest number of operations on a tenant's page, the latest
// ones.
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

// readTenant reads what the page shows of a tenant, without opening its database.
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
	hour, err := s.o.Traffic.Hour(ctx, t.ID)
	if err != nil {
		return nil, err
	}
	proof, err := s.o.Manager.Proof(ctx, t.ID)
	if err != nil {
		return nil, err
	}
	page := &tenantPage{Tenant: t, Proof: proof, Story: operationRows(story), Hour: hour, Domains: s.domainRows(t), Limits: s.limitRows(t), Settings: s.o.Store.Settings(t),
		Behind: s.isBehind(t)}
	if len(page.Story) > 0 && page.Story[0].Unfinished() {
		page.UnderWay = &page.Story[0]
	}
	if page.charts, err = s.charts(c, page.Link(), t.ID, &hour); err != nil {
		return nil, err
	}
	if t.State == tenants.StateActive || t.State == tenants.StateSuspended {
		page.URL = s.o.Origin(t.Subdomain)
	}
	s.measure(c, page)
	page.Enterable = t.State == tenants.StateActive && operator.Current(c).Role.Allows(operators.Enters)
	page.offer()
	s.offerCopies(page)
	return page, nil
}

// tenantEvents streams the operation on the tenant, until none is unfinished.
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
			return false // try again at the next tick
		}
		if len(found) > 0 {
			send("progress", stepEvent{found[0].Step, found[0].State})
		}
		return len(found) == 0
	})
}

// measure reads the size of the tenant's database from its server.
func (s *Console) measure(c *gin.Context, page *tenantPage) {
	engine, err := s.o.Store.Server(page.Server)
	if err != nil {
		page.SizeProblem = "the server is not configured here"
		return
	}
	page.Target = engine.SchemaVersion()
	sizer, ok := engine.(tenants.Sizer)
	if !ok || !page.State.IsMigrated() {
		return
	}
	if page.Size, err = sizer.Size(c.Request.Context(), page.Tenant); err != nil {
		page.SizeProblem = describe(c, err).Detail
	}
}

// offer sets what can be done in the tenant's state.
func (p *tenantPage) offer() {
	path, state := tenantPath(p.Tenant), p.State
	active, suspended, archived := state == tenants.StateActive, state == tenants.StateSuspended,
		state == tenants.StateArchived
	p.Can = can{
		Suspend: active, Resume: suspended, Archive: active || suspended, Purge: archived,
		Restore: archived || state == tenants.StatePurged && p.RemoveAfter != nil,
	}
	if active || suspended || archived {
		p.SetName, p.SetLimits = nameForm(path, p.Name), limitsForm(path, p.Limits)
		p.SetSettings = settingsForm(path, p.Settings)
		p.Close = maintenanceForm(path, p.Maintenance)
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
		p.Invite, p.Swap = inviteForm(path), swapForm(path)
	}
}

// offerCopies sets which copies of the tenant can be made.
func (s *Console) offerCopies(p *tenantPage) {
	if !p.State.IsSettled() {
		return
	}
	path := tenantPath(p.Tenant)
	p.Exportable, p.Clone, p.Move = true, cloneForm(path), moveForm(path, p.Server, s.o.Store.Servers())
	if s.o.Proofs != nil { // there are backups
		p.RestoreAs = restoreForm(path)
	}
}

// Link returns the path of the page.
func (p *tenantPage) Link() string { return tenantPath(p.Tenant) }

// Removed reports whether the tenant's data has been removed.
func (p *tenantPage) Removed() bool { return p.IsRemoved() }
