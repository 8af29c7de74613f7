package console

import (
	"context"
	"time"

	"github.com/gin-gonic/gin"

	"tenantry/handlers/look"
	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
)

func maintenanceForm(path string, m tenants.Maintenance) *look.Form {
	submit := "Close it for maintenance"
	if m.IsOn() {
		submit = "Change what people are told"
	}
	f := look.NewForm("maintenance", path+"/maintenance", submit,
		look.Field{Name: "message", Label: "Message", Autocomplete: "off", Hint: "One line that people read on every page. It may be empty."},
		look.Field{Name: "until", Label: "Until", Autocomplete: "off", Hint: "When you expect to end it: such as 2h, or 2026-03-31T08:00Z. It doesn’t end by itself."},
	)
	until := ""
	if m.Until != nil {
		until = m.Until.UTC().Format(time.RFC3339)
	}
	f.Set(m.Message, until)
	return &f
}

// close closes the tenant for maintenance.
func (s *Console) close(c *gin.Context) error {
	f := maintenanceForm("", tenants.Maintenance{})
	if err := f.Read(c); err != nil {
		return err
	}
	to, err := lifecycle.ReadMaintenance(f.Value("message"), f.Value("until"), s.o.Now())
	var t *tenants.Tenant
	if err == nil {
		t, err = s.o.Manager.SetMaintenance(c.Request.Context(), s.by(c), c.Param("tenant"), to)
	}
	if err != nil {
		return s.refuse(c, err, func(p *tenantPage) *look.Form { return p.Close })
	}
	return look.SeeOther(c, tenantPath(t)+"?done=closed")
}

// endMaintenance is the mover that serves a closed tenant again.
func (s *Console) endMaintenance(ctx context.Context, by lifecycle.Operator, name string) (*tenants.Tenant, error) {
	return s.o.Manager.SetMaintenance(ctx, by, name, lifecycle.Maintenance{})
}
