package console

import (
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"tenantry/handlers/look"
	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/onboard"
)

func (s *Console) createForm() *look.Form {
	fields := []look.Field{
		{Name: "subdomain", Label: "Subdomain", Required: true, Autofocus: true, Autocomplete: "off",
			Hint: "It is reached at " + s.o.Origin("SUBDOMAIN") + ". Lower-case letters, digits and hyphens."},
		{Name: "name", Label: "Name", Autocomplete: "off",
			Hint: "The name that people see. Defaults to the subdomain."},
		{Name: "admin_email", Label: "E-mail address of the first admin", Kind: "email", Autocomplete: "off",
			Hint: "You get a link to set a password, shown only once; send it to the admin. Without an admin no one can sign in yet."},
	}
	if servers := s.o.Store.Servers(); len(servers) > 1 {
		field := look.Field{Name: "server", Label: "Server", Kind: "select",
			Options: []look.Option{{Value: "", Label: "the one with the most room"}}}
		for _, name := range servers {
			field.Options = append(field.Options, look.Option{Value: name, Label: name})
		}
		fields = append(fields, field)
	}
	f := look.NewForm("create", "/tenants", "Create the tenant", fields...)
	return &f
}

// createPage shows the form for a new tenant.
func (s *Console) createPage(c *gin.Context) error {
	s.show(c, http.StatusOK, "create", "Create a tenant", "/tenants", s.createForm())
	return nil
}

// create creates a tenant and shows it. The link for its admin is in this answer,
// because it can't be read again.
func (s *Console) create(c *gin.Context) error {
	f := s.createForm()
	if err := f.Read(c); err != nil {
		return err
	}
	email := strings.TrimSpace(f.Value("admin_email"))
	t, made, err := s.o.Onboard.Create(c.Request.Context(), lifecycle.NewTenant{
		Subdomain: strings.TrimSpace(f.Value("subdomain")), Name: f.Value("name"), Server: f.Value("server"), By: s.by(c),
	}, onboard.Admin{Email: email})
	if err != nil {
		p := describe(c, err)
		if !f.Refuse(p) {
			return err
		}
		s.show(c, p.Status, "create", "Create a tenant", "/tenants", f)
		return nil
	}
	if made == nil {
		return look.SeeOther(c, tenantPath(t)+"?done=created")
	}
	return s.showInvitation(c, t, email, made)
}

// stepEvent is the progress of a creation.
type stepEvent struct {
	// Step is the current step. It is empty when all are done.
	Step string `json:"step"`
	// State is the state of the operation.
	State tenants.OperationState `json:"state"`
}

// steps streams the steps of the next creation of a tenant with this subdomain,
// from the ledger, until it ends.
func (s *Console) steps(c *gin.Context) {
	ctx := c.Request.Context()
	filter := lifecycle.OperationFilter{Subdomain: c.Query("subdomain")}
	last, _, err := s.o.Manager.Operations(ctx, lifecycle.OperationFilter{}, "", 1)
	if err != nil {
		s.fail(c, err)
		return
	}
	filter.Newer = "0"
	if len(last) > 0 {
		filter.Newer = last[0].ID
	}
	s.stream(c, func(send func(name string, data any)) (over bool) {
		found, _, err := s.o.Manager.Operations(ctx, filter, "", 1)
		if err != nil || len(found) == 0 {
			return false // the answer to the form says what is wrong
		}
		send("step", stepEvent{shownStep(found[0].Step), found[0].State})
		return found[0].FinishedAt != nil
	})
}

// shownStep returns the name of a step on the page. The step that makes the
// database has another name if the creation also makes an admin.
func shownStep(step string) string {
	if step == lifecycle.StepPrepare {
		return "database"
	}
	return step
}
