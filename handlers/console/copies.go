package console

import (
	"errors"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"tenantry/handlers/look"
	"tenantry/handlers/problem"
	"tenantry/handlers/request"
	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
)

func cloneForm(path string) *look.Form {
	f := look.NewForm("clone", path+"/clone", "Clone this tenant",
		look.Field{Name: "subdomain", Label: "Subdomain of the copy", Required: true, Autocomplete: "off",
			Hint: "It gets all data as it is now. Sessions, tokens and invitations are worth nothing in it."})
	return &f
}

func moveForm(path, from string, servers []string) *look.Form {
	field := look.Field{Name: "server", Label: "Server", Kind: "select", Required: true,
		Hint: "While its data is copied, people read as before, and writes are refused."}
	for _, name := range servers {
		if name != from {
			field.Options = append(field.Options, look.Option{Value: name, Label: name})
		}
	}
	if len(field.Options) == 0 {
		return nil
	}
	f := look.NewForm("move", path+"/move", "Move this tenant", field)
	return &f
}

func restoreForm(path string) *look.Form {
	f := look.NewForm("restore-as", path+"/restore-as", "Restore as another tenant",
		look.Field{Name: "as", Label: "Subdomain of the restored tenant", Required: true, Autocomplete: "off", Hint: "This tenant stays as it is."},
		look.Field{Name: "at", Label: "Time in UTC", Autocomplete: "off", Hint: "Such as 2026-11-25 17:30: the last backup before it. Empty for the newest."})
	return &f
}

// export sends the tenant's portable file, without credentials.
func (s *Console) export(c *gin.Context) error {
	d, err := s.o.Manager.Download(c.Request.Context(), s.by(c), c.Param("tenant"), lifecycle.Export{})
	if err != nil {
		return s.refuse(c, err, nil)
	}
	return request.SendDownload(c, d.About.Subdomain, d)
}

// clone creates a tenant as a copy, and leads to it.
func (s *Console) clone(c *gin.Context) error {
	f := cloneForm("")
	if err := f.Read(c); err != nil {
		return err
	}
	t, err := s.o.Manager.Clone(c.Request.Context(), s.by(c), c.Param("tenant"), lifecycle.NewTenant{Subdomain: f.Value("subdomain")})
	if err != nil {
		return s.refuse(c, err, func(p *tenantPage) *look.Form { return p.Clone })
	}
	return look.SeeOther(c, tenantPath(t)+"?done=created")
}

// moveToServer moves the tenant to another server.
func (s *Console) moveToServer(c *gin.Context) error {
	f := moveForm("", "", s.o.Store.Servers())
	if err := f.Read(c); err != nil {
		return err
	}
	t, err := s.o.Manager.Move(c.Request.Context(), s.by(c), c.Param("tenant"), f.Value("server"))
	if err != nil {
		return s.refuse(c, err, func(p *tenantPage) *look.Form { return p.Move })
	}
	return look.SeeOther(c, tenantPath(t)+"?done=moved")
}

// restoreAs makes another tenant of a backup, and leads to it.
func (s *Console) restoreAs(c *gin.Context) error {
	f := restoreForm("")
	if err := f.Read(c); err != nil {
		return err
	}
	made, err := s.restoreBackup(c, f.Value("as"), strings.TrimSpace(f.Value("at")))
	if err != nil {
		return s.refuse(c, err, func(p *tenantPage) *look.Form { return p.RestoreAs })
	}
	return look.SeeOther(c, tenantPath(made)+"?done=created")
}

func (s *Console) restoreBackup(c *gin.Context, as, typed string) (made *tenants.Tenant, err error) {
	var at time.Time
	if typed != "" {
		if at, err = time.Parse("2006-01-02 15:04", typed); err != nil {
			if at, err = time.Parse(time.DateTime, typed); err != nil {
				return nil, problem.InvalidField("at", "must be a time such as 2026-11-25 17:30")
			}
		}
	}
	var bad *tenants.SubdomainError
	if err := tenants.ValidateSubdomain(as); errors.As(err, &bad) {
		return nil, problem.InvalidField("as", bad.Rule)
	}
	ctx := c.Request.Context()
	t, err := s.o.Manager.Get(ctx, c.Param("tenant"))
	if err != nil {
		return nil, err
	}
	made, _, err = s.o.Restore(ctx, t, at, lifecycle.NewTenant{Subdomain: as, Name: t.Name, By: s.by(c)})
	return made, err
}
