package console

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"tenantry/handlers/auth"
	"tenantry/handlers/look"
	"tenantry/handlers/operator"
	"tenantry/handlers/problem"
	"tenantry/handlers/request"
	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/onboard"
)

func renameForm(path, subdomain string) *look.Form {
	f := look.NewForm("rename", path+"/rename", "Rename",
		look.Field{Name: "subdomain", Label: "New subdomain", Required: true, Autocomplete: "off"},
		look.Field{Name: "redirect_days", Label: "Days to redirect the old one", Kind: "number", Required: true,
			Hint: "With 0 the old one answers 404 at once. No other tenant can have it for 30 days."},
	)
	f.Set(subdomain, "30")
	return &f
}

func swapForm(path string) *look.Form {
	f := look.NewForm("swap", path+"/swap", "Swap",
		look.Field{Name: "with", Label: "Subdomain of the other tenant", Required: true, Autocomplete: "off",
			Hint: "Its data is served here then, and this data there. Name, domains, limits and settings stay. Swapping again takes it back."})
	return &f
}

func nameForm(path, name string) *look.Form {
	f := look.NewForm("set-name", path+"/name", "Change the name",
		look.Field{Name: "name", Label: "Name", Required: true, Autocomplete: "off", Hint: "The name that people see. The subdomain doesn’t change."})
	f.Set(name)
	return &f
}

func purgeForm(path string) *look.Form {
	f := look.NewForm("purge", path+"/purge", "Purge this tenant",
		look.Field{Name: "confirm", Label: "Type the subdomain to confirm", Required: true, Autocomplete: "off"},
		look.Field{Name: "grace_days", Label: "Days until the data is removed", Kind: "number", Required: true,
			Hint: "Until then the tenant can be restored. 0 removes the data now."},
	)
	f.Set("", strconv.Itoa(int(lifecycle.DefaultGrace/(24*time.Hour))))
	return &f
}

func inviteForm(path string) *look.Form {
	f := look.NewForm("invite", path+"/invitation", "Make a link",
		look.Field{Name: "admin_email", Label: "E-mail address", Kind: "email", Required: true, Autocomplete: "off"})
	return &f
}

// mover changes a tenant's state.
type mover func(ctx context.Context, by lifecycle.Operator, name string) (*tenants.Tenant, error)

// move changes a tenant's state, and redirects to its page with the result.
func (s *Console) move(move mover, done string) func(c *gin.Context) error {
	return func(c *gin.Context) error {
		t, err := move(c.Request.Context(), s.by(c), c.Param("tenant"))
		if err != nil {
			return s.refuse(c, err, nil)
		}
		return look.SeeOther(c, tenantPath(t)+"?done="+done)
	}
}

// refuse shows the tenant's page with an error: in the form that place returns, or
// at the top if place is nil. It returns errors that have a page of their own.
func (s *Console) refuse(c *gin.Context, err error, place func(p *tenantPage) *look.Form) error {
	p := describe(c, err)
	if p.Status != http.StatusConflict && p.Status != http.StatusUnprocessableEntity {
		return err
	}
	page, gone := s.readTenant(c, c.Param("tenant"))
	if gone != nil {
		return gone
	}
	var form *look.Form
	if place != nil {
		form = place(page)
	}
	if form == nil {
		page.Problem = p.Detail
		s.showTenant(c, p.Status, page)
		return nil
	}
	if err := form.Read(c); err != nil {
		return err
	}
	form.Refuse(p)
	s.showTenant(c, p.Status, page)
	return nil
}

// days parses a number of days in a form.
func days(f *look.Form, name string, most int) (int, error) {
	n, ok := request.ParseNumber(f.Value(name), 0, most)
	if !ok {
		return 0, problem.InvalidField(name, "must be a whole number from 0 to "+strconv.Itoa(most))
	}
	return n, nil
}

// rename changes the tenant's subdomain.
func (s *Console) rename(c *gin.Context) error {
	f := renameForm("", "")
	if err := f.Read(c); err != nil {
		return err
	}
	redirect, err := days(f, "redirect_days", operator.MaxRedirectDays)
	if err == nil {
		var t *tenants.Tenant
		t, err = s.o.Manager.Rename(c.Request.Context(), s.by(c), c.Param("tenant"),
			lifecycle.Rename{To: f.Value("subdomain"), RedirectDays: redirect})
		if err == nil {
			return look.SeeOther(c, tenantPath(t)+"?done=renamed")
		}
	}
	return s.refuse(c, err, func(p *tenantPage) *look.Form { return p.Rename })
}

// swap exchanges the tenant with another one.
func (s *Console) swap(c *gin.Context) error {
	f := swapForm("")
	if err := f.Read(c); err != nil {
		return err
	}
	t, err := s.o.Manager.Swap(c.Request.Context(), s.by(c), c.Param("tenant"), f.Value("with"))
	if err != nil {
		return s.refuse(c, err, func(p *tenantPage) *look.Form { return p.Swap })
	}
	return look.SeeOther(c, tenantPath(t)+"?done=swapped")
}

// setName changes the tenant's display name.
func (s *Console) setName(c *gin.Context) error {
	f := nameForm("", "")
	if err := f.Read(c); err != nil {
		return err
	}
	t, err := s.o.Manager.SetName(c.Request.Context(), s.by(c), c.Param("tenant"), f.Value("name"))
	if err != nil {
		return s.refuse(c, err, func(p *tenantPage) *look.Form { return p.SetName })
	}
	return look.SeeOther(c, tenantPath(t)+"?done=named")
}

// purge purges an archived tenant if its subdomain was typed.
func (s *Console) purge(c *gin.Context) error {
	f := purgeForm("")
	if err := f.Read(c); err != nil {
		return err
	}
	t, err := s.purgeNamed(c, f)
	if err != nil {
		return s.refuse(c, err, func(p *tenantPage) *look.Form { return p.Purge })
	}
	done := "purged"
	if t.RemoveAfter == nil {
		done = "removed"
	}
	return look.SeeOther(c, tenantPath(t)+"?done="+done)
}

func (s *Console) purgeNamed(c *gin.Context, f *look.Form) (*tenants.Tenant, error) {
	t, err := s.o.Manager.Get(c.Request.Context(), c.Param("tenant"))
	if err != nil {
		return nil, err
	}
	if f.Value("confirm") != t.Subdomain {
		return nil, problem.InvalidField("confirm", "must be "+t.Subdomain)
	}
	grace, err := days(f, "grace_days", operator.MaxGraceDays)
	if err != nil {
		return nil, err
	}
	return s.o.Manager.Purge(c.Request.Context(), s.by(c), t.ID, time.Duration(grace)*24*time.Hour)
}

// invite creates an invitation for an admin. It shows the link in its own answer,
// because the link can't be read again.
func (s *Console) invite(c *gin.Context) error {
	f := inviteForm("")
	if err := f.Read(c); err != nil {
		return err
	}
	place := func(p *tenantPage) *look.Form { return p.Invite }
	email := f.Value("admin_email")
	if err := auth.CheckEmail(email); err != nil {
		return s.refuse(c, err, place)
	}
	t, err := s.o.Manager.Get(c.Request.Context(), c.Param("tenant"))
	if err != nil {
		return err
	}
	made, err := s.o.Onboard.AddAdmin(c.Request.Context(), s.by(c), tenants.KindInvite, t.ID, onboard.Admin{Email: email})
	if err != nil {
		return err
	}
	return s.showInvitation(c, t, email, made)
}

// showInvitation shows the tenant's page with the link.
func (s *Console) showInvitation(c *gin.Context, t *tenants.Tenant, email string, made *onboard.Invitation) error {
	page, err := s.readTenant(c, t.ID)
	if err != nil {
		return err
	}
	page.Invitation = &invitation{email, made.URL, made.ExpiresAt}
	c.Header("Content-Location", tenantPath(t))
	s.showTenant(c, http.StatusCreated, page)
	return nil
}
