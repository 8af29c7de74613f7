package operator

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"

	"tenantry/tenants/document"
	"tenantry/tenants/lifecycle"
)

// listDomains lists a tenant's domains.
func (a *API) listDomains(c *gin.Context) error {
	found, err := a.manager.Domains(c.Request.Context(), c.Param("subdomain"))
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, document.Domains(found, a.manager.ChallengeRecord))
	return nil
}

// addDomain adds a domain to a tenant and checks whether its challenge is
// published. It answers 201 if it is, else 202.
func (a *API) addDomain(c *gin.Context) error {
	var body struct {
		Host    string `json:"host"`
		Primary bool   `json:"primary"`
	}
	if err := decode(c, &body); err != nil {
		return err
	}
	host := strings.ToLower(body.Host)
	if err := a.domain.ValidateHost(host); err != nil {
		return err
	}
	by, err := nameOf(c)
	if err != nil {
		return err
	}
	added, err := a.manager.AddDomain(c.Request.Context(), by, c.Param("subdomain"), host, body.Primary)
	if err == nil {
		added, err = a.manager.VerifyDomain(c.Request.Context(), by, c.Param("subdomain"), host)
	}
	status := http.StatusCreated
	var unverified *lifecycle.UnverifiedError
	if errors.As(err, &unverified) {
		status, err = http.StatusAccepted, nil
	}
	if err != nil {
		return err
	}
	c.Header("Location", "/api/tenants/"+url.PathEscape(c.Param("subdomain"))+"/domains")
	c.JSON(status, document.DomainOf(added, a.manager.ChallengeRecord(added.Host)))
	return nil
}

// removeDomain removes a domain from a tenant.
func (a *API) removeDomain(c *gin.Context) error {
	by, err := nameOf(c)
	if err != nil {
		return err
	}
	if err := a.manager.RemoveDomain(c.Request.Context(), by, c.Param("subdomain"), c.Param("host")); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}
