package operator

import (
	"errors"
	"io/fs"
	"net/http"
	"net/url"

	"github.com/gin-gonic/gin"

	"tenantry/handlers/problem"
	"tenantry/handlers/request"
	"tenantry/tenants"
	"tenantry/tenants/document"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/operators"
)

// listServers lists all servers.
func (a *API) listServers(c *gin.Context) error {
	all, err := a.manager.Servers(c.Request.Context())
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, document.Servers(all))
	return nil
}

// getServer answers with a server.
func (a *API) getServer(c *gin.Context) error {
	return a.showServer(c, http.StatusOK, c.Param("server"))
}

func (a *API) showServer(c *gin.Context, status int, name string) error {
	server, err := a.manager.GetServer(c.Request.Context(), name)
	if err != nil {
		return err
	}
	c.JSON(status, document.ServerOf(server))
	return nil
}

// addServer adds a server. The answer doesn't have its URL.
func (a *API) addServer(c *gin.Context) error {
	var body struct {
		Name        string            `json:"name"`
		URL         string            `json:"url"`
		Capacity    int64             `json:"capacity"`
		Connections int64             `json:"connections"`
		Labels      map[string]string `json:"labels"`
		Placement   tenants.Placement `json:"placement"`
		Pooler      string            `json:"pooler"`
	}
	if err := request.Decode(c, &body); err != nil {
		return err
	}
	if body.Labels == nil {
		body.Labels = map[string]string{}
	}
	err := a.add(c.Request.Context(), tenants.Server{
		Name: body.Name, Capacity: body.Capacity, Connections: body.Connections, Labels: body.Labels,
		Placement: body.Placement, Pooler: body.Pooler,
	}, body.URL)
	if err != nil {
		return explainAdded(err)
	}
	c.Header("Location", "/api/servers/"+url.PathEscape(body.Name))
	return a.showServer(c, http.StatusCreated, body.Name)
}

// explainAdded explains why a server that is to be added can't be opened.
func explainAdded(err error) error {
	var path *fs.PathError
	if errors.Is(err, tenants.ErrUnavailable) || errors.Is(err, tenants.ErrForbidden) || errors.As(err, &path) {
		return problem.InvalidField("url", "names a server that can't be used: "+err.Error())
	}
	return err
}

// changeServer changes a server's capacity, labels and pooler. Processes that run keep the pooler that they started with.
func (a *API) changeServer(c *gin.Context) error {
	var body struct {
		Capacity *int64             `json:"capacity"`
		Labels   *map[string]string `json:"labels"`
		Pooler   *string            `json:"pooler"`
	}
	if err := request.Decode(c, &body); err != nil {
		return err
	}
	if body.Pooler != nil && Current(c).Role != operators.Owner {
		return problem.New(problem.ErrForbidden, "Setting a pooler needs the role owner: it reads what tenants ask and are answered.")
	}
	change := lifecycle.ServerChange{Capacity: body.Capacity, Labels: body.Labels, Pooler: body.Pooler}
	if err := a.change(c.Request.Context(), c.Param("server"), change); err != nil {
		return ExplainPooler(err)
	}
	return a.getServer(c)
}

// ExplainPooler returns err, as a fault of the field pooler if it can't be used.
func ExplainPooler(err error) error {
	if errors.Is(err, tenants.ErrUnavailable) {
		return problem.InvalidField("pooler", "can't be used: "+err.Error())
	}
	return err
}

// setServerState drains a server, or undoes that.
func (a *API) setServerState(state tenants.ServerState) func(c *gin.Context) error {
	return func(c *gin.Context) error {
		if err := a.manager.ChangeServer(c.Request.Context(), c.Param("server"), lifecycle.ServerChange{State: &state}); err != nil {
			return err
		}
		return a.getServer(c)
	}
}

// removeServer removes a server that has no tenants.
func (a *API) removeServer(c *gin.Context) error {
	if err := a.manager.RemoveServer(c.Request.Context(), c.Param("server")); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}
