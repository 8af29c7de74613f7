package console

import (
	"net/http"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"tenantry/handlers/look"
	"tenantry/handlers/operator"
	"tenantry/handlers/request"
	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/traffic"
)

// serverPage shows a server, and the requests to its tenants.
type serverPage struct {
	serverRow
	Hour traffic.Hour
	charts
	// SetPooler is nil if the server's tenants don't lie in schemas.
	SetPooler *look.Form
}

// poolerForm is empty for servers whose connections belong to one tenant each.
func poolerForm(r serverRow) *look.Form {
	if r.Row == nil || r.Row.Placement != tenants.PlacementSchema {
		return nil
	}
	f := look.NewForm("set-pooler", "/servers/"+r.Name+"/pooler", "Change the pooler", look.Field{
		Name: "pooler", Label: "Pooler", Autocomplete: "off", Value: r.Row.Pooler,
		Hint: poolerHint + " Processes that run keep the one that they started with, until they are restarted.",
	})
	return &f
}

// setPooler changes a server's pooler.
func (s *Console) setPooler(c *gin.Context) error {
	posted, err := request.ReadFields(c, "pooler")
	if err != nil {
		return err
	}
	name, pooler := c.Param("server"), strings.TrimSpace(posted.Get("pooler"))
	err = s.o.ChangeServer(c.Request.Context(), name, lifecycle.ServerChange{Pooler: &pooler})
	if err == nil {
		return look.SeeOther(c, "/servers/"+name)
	}
	p := describe(c, operator.ExplainPooler(err))
	if p.Status != http.StatusUnprocessableEntity {
		return err
	}
	return s.showServer(c, p.Status, func(page *serverPage) error {
		if page.SetPooler == nil {
			return err
		}
		page.SetPooler.Set(withoutPassword(pooler))
		page.SetPooler.Refuse(p)
		return nil
	})
}

// withoutPassword returns the text of a pooler, or "" if it may have a password, which no pooler takes.
func withoutPassword(pooler string) string {
	if strings.Contains(pooler, "@") || strings.Contains(pooler, "password") {
		return ""
	}
	return pooler
}

// server shows one server.
func (s *Console) server(c *gin.Context) error {
	return s.showServer(c, http.StatusOK, func(*serverPage) error { return nil })
}

// showServer shows the server of the path, after fill has filled in what is on its page.
func (s *Console) showServer(c *gin.Context, status int, fill func(page *serverPage) error) error {
	ctx, name := c.Request.Context(), c.Param("server")
	census, err := s.o.Manager.Census(ctx)
	if err != nil {
		return err
	}
	all, err := s.o.Manager.Servers(ctx)
	if err != nil {
		return err
	}
	rows := s.serverRows(census, all)
	at := slices.IndexFunc(rows, func(r serverRow) bool { return r.Name == name })
	if at < 0 {
		return lifecycle.ErrUnknownServer
	}
	page := serverPage{serverRow: rows[at], SetPooler: poolerForm(rows[at])}
	if err := fill(&page); err != nil {
		return err
	}
	of := traffic.OfServer(name)
	if page.Hour, err = s.o.Traffic.Hour(ctx, of); err != nil {
		return err
	}
	if page.charts, err = s.charts(c, "/servers/"+name, of, &page.Hour); err != nil {
		return err
	}
	s.show(c, status, "server", "Server "+name, "/servers", page)
	return nil
}
