package console

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
)

// serversPage lists the servers of databases.
type serversPage struct {
	Servers   []serverCount
	Default   string
	Load      tenants.Load
	Instances lifecycle.Census
}

// servers lists the servers and their tenants.
func (s *Console) servers(c *gin.Context) error {
	census, err := s.o.Manager.Census(c.Request.Context())
	if err != nil {
		return err
	}
	s.show(c, http.StatusOK, "servers", "Servers", "/servers",
		serversPage{s.countServers(census.Groups), tenants.DefaultServer, s.o.Store.Load(), census})
	return nil
}
