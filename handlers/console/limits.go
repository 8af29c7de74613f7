package console

import (
	"strings"

	"github.com/gin-gonic/gin"

	"tenantry/handlers/look"
	"tenantry/tenants"
	"tenantry/tenants/document"
	"tenantry/tenants/lifecycle"
)

// limitRow is a limit of a tenant.
type limitRow struct {
	Limit tenants.Limit
	Label string
	// InForce is the limit, or empty if there is none.
	InForce string
	// Source is where it comes from. Typed is the tenant's own value as people type it.
	Source, Typed string
}

func (s *Console) limitRows(t *tenants.Tenant) []limitRow {
	var rows []limitRow
	inForce := s.o.Store.Limits(t)
	for _, limit := range tenants.AllLimits() {
		value := inForce.Of(limit)
		row := limitRow{
			Limit: limit, Label: limitLabel(limit), Source: document.LimitOf(t, s.o.Store, limit, value).Source(), Typed: limit.Format(t.Limits.Of(limit)),
		}
		if value > 0 {
			row.InForce = limit.Format(value)
		}
		rows = append(rows, row)
	}
	return rows
}

func limitsForm(path string, rows []limitRow) *look.Form {
	var fields []look.Field
	for _, row := range rows {
		fields = append(fields, look.Field{
			Name: string(row.Limit), Label: row.Label, Value: row.Typed, Required: true, Autocomplete: "off", Hint: limitHint(row.Limit),
		})
	}
	f := look.NewForm("set-limits", path+"/limits", "Change the limits", fields...)
	return &f
}

// limitHint explains the values of a limit.
func limitHint(limit tenants.Limit) string {
	switch limit {
	case tenants.LimitRequests:
		return "Such as 100/s; or default, or none. Further requests get 429."
	case tenants.LimitConcurrency:
		return "Such as 16. Further requests get 429."
	case tenants.LimitSize:
		return "Such as 500MB. A larger database is only read, and writing gets 507."
	case tenants.LimitFiles:
		return "Such as 5GB. Further files get 507."
	case tenants.LimitStatementTime:
		return "Such as 2s. A longer statement is cancelled."
	case tenants.LimitWeight:
		return "Such as 2: while tenants wait for a Postgres server's connections, it has them for twice the time. The default is 1."
	}
	return "Such as 100kB. A larger one gets 413; routes have limits of their own."
}

// setLimits changes limits of the tenant's own.
func (s *Console) setLimits(c *gin.Context) error {
	f := limitsForm("", s.limitRows(&tenants.Tenant{}))
	if err := f.Read(c); err != nil {
		return err
	}
	typed := map[tenants.Limit]string{}
	for _, field := range f.Fields {
		typed[tenants.Limit(field.Name)] = strings.TrimSpace(field.Value)
	}
	changes, err := lifecycle.ReadLimits(typed)
	var t *tenants.Tenant
	if err == nil {
		t, err = s.o.Manager.SetLimits(c.Request.Context(), s.by(c), c.Param("tenant"), changes)
	}
	if err != nil {
		return s.refuse(c, err, func(p *tenantPage) *look.Form { return p.SetLimits })
	}
	return look.SeeOther(c, tenantPath(t)+"?done=limited")
}

// limitLabel returns the name of a limit for people.
func limitLabel(limit tenants.Limit) string {
	switch limit {
	case tenants.LimitRequests:
		return "Requests a second"
	case tenants.LimitConcurrency:
		return "Requests at once"
	case tenants.LimitSize:
		return "Size of the database"
	case tenants.LimitFiles:
		return "Size of all files"
	case tenants.LimitStatementTime:
		return "Time of a statement"
	case tenants.LimitWeight:
		return "Weight among those that wait"
	}
	return "Size of a body"
}

// limitsText describes a change of limits.
func limitsText(changes map[tenants.Limit]string) string {
	var parts []string
	for _, limit := range tenants.AllLimits() {
		if text := changes[limit]; text != "" {
			parts = append(parts, strings.ToLower(limitLabel(limit))+" "+text)
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return ": " + strings.Join(parts, ", ")
}
