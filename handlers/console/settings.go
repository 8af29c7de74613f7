package console

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"tenantry/handlers/look"
	"tenantry/tenants"
)

// settingsForm is the form of a tenant's settings, or nil if the application has none. An empty field stands for the
// default.
func settingsForm(path string, all []tenants.Setting) *look.Form {
	if len(all) == 0 {
		return nil
	}
	var fields []look.Field
	for _, s := range all {
		field := look.Field{Name: s.Key, Label: s.Label, Hint: strings.TrimSpace(s.Hint + " The default is " + s.DefaultText() + "."), Autocomplete: "off"}
		if s.Own {
			field.Value = s.Text()
		}
		if len(s.Choices) > 0 {
			field.Kind, field.Options = "select", []look.Option{{Label: "default: " + s.DefaultText()}}
			for _, choice := range s.Choices {
				field.Options = append(field.Options, look.Option{Value: choice, Label: choice})
			}
		}
		fields = append(fields, field)
	}
	f := look.NewForm("set-settings", path+"/settings", "Change the settings", fields...)
	return &f
}

// setSettings changes settings of the tenant's own.
func (s *Console) setSettings(c *gin.Context) error {
	f := settingsForm("", s.o.Store.Settings(&tenants.Tenant{}))
	if f == nil {
		f = &look.Form{}
	}
	if err := f.Read(c); err != nil {
		return err
	}
	typed := map[string]string{}
	for _, field := range f.Fields {
		typed[field.Name] = strings.TrimSpace(field.Value)
	}
	t, err := s.o.Manager.SetSettings(c.Request.Context(), s.by(c), c.Param("tenant"), s.o.Store.ReadSettings(typed))
	if err != nil {
		return s.refuse(c, err, func(p *tenantPage) *look.Form { return p.SetSettings })
	}
	return look.SeeOther(c, tenantPath(t)+"?done=set")
}

// settingsText describes a change of settings.
func settingsText(changes map[string]string) string {
	var parts []string
	for _, key := range slices.Sorted(maps.Keys(changes)) {
		parts = append(parts, strings.ReplaceAll(key, "_", " ")+" "+cmp.Or(changes[key], "default"))
	}
	if len(parts) == 0 {
		return ""
	}
	return ": " + strings.Join(parts, ", ")
}
