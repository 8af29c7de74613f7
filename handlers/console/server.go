package console

import (
	"net/http"
	"slices"

	"github.com/gin-gonic/gin"

	"tenantry/tenants/lifecycle"
	"tenantry/tenants/traffic"
)

// serverPage shows a server, and the requests to its tenants.
type serverPage struct {
	serverRow
	Hour traffic.Hour
	charts
}

// server shows one server.
func (s *Console) server(c *gin.Context) error {
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
	page := serverPage{serverRow: rows[at]}
	of := traffic.OfServer(name)
	if page.Hour, err = s.o.Traffic.Hour(ctx, of); err != nil {
		return err
	}
	if page.charts, err = s.charts(c, "/servers/"+name, of, &page.Hour); err != nil {
		return err
	}
	s.show(c, http.StatusOK, "server", "Server "+name, "/servers", page)
	return nil
}
