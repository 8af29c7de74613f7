package console

import (
	"errors"
	"strings"

	"github.com/gin-gonic/gin"

	"tenantry/handlers/look"
	"tenantry/handlers/request"
	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
)

// domainRow is a domain with the record that verifies it.
type domainRow struct {
	tenants.Domain
	Record string
}

func (s *Console) domainRows(t *tenants.Tenant) []domainRow {
	rows := make([]domainRow, len(t.Domains))
	for i, d := range t.Domains {
		rows[i] = domainRow{d, s.o.Manager.ChallengeRecord(d.Host)}
	}
	return rows
}

func domainForm(path string) *look.Form {
	f := look.NewForm("domain", path+"/domains", "Add the domain",
		look.Field{Name: "host", Label: "Host", Required: true, Autocomplete: "off",
			Hint: "For example tasks.acme.example. Its owner must publish a TXT record."},
		look.Field{Name: "primary", Label: "Links lead", Kind: "select",
			Options: []look.Option{{Value: "false", Label: "to the subdomain"},
				{Value: "true", Label: "to this domain"}}},
	)
	return &f
}

// addDomain adds a domain, checks its record again, or changes the primary domain.
// For the Manager all of these add the domain.
func (s *Console) addDomain(c *gin.Context) error {
	f := domainForm("")
	if err := f.Read(c); err != nil {
		return err
	}
	place := func(p *tenantPage) *look.Form { return p.AddDomain }
	host := strings.ToLower(strings.TrimSpace(f.Value("host")))
	if err := s.o.Domain.ValidateHost(host); err != nil {
		return s.refuse(c, err, place)
	}
	name := c.Param("tenant")
	before, err := s.o.Manager.Domains(c.Request.Context(), name)
	if err != nil {
		return err
	}
	_, err = s.o.Manager.AddDomain(c.Request.Context(), s.by(c), name, host, f.Value("primary") == "true")
	if err == nil {
		_, err = s.o.Manager.VerifyDomain(c.Request.Context(), s.by(c), name, host)
	}
	done := "domain-verified"
	var unverified *lifecycle.UnverifiedError
	switch {
	case errors.As(err, &unverified) && hasHost(before, host):
		done = "domain-unverified"
	case errors.As(err, &unverified):
		done = "domain-added"
	case err != nil:
		return s.refuse(c, err, place)
	}
	return look.SeeOther(c, "/tenants/"+name+"?done="+done+"#domains")
}

func hasHost(domains []tenants.Domain, host string) bool {
	for _, d := range domains {
		if d.Host == host {
			return true
		}
	}
	return false
}

// removeDomain removes a domain from the tenant.
func (s *Console) removeDomain(c *gin.Context) error {
	posted, err := request.ReadForm(c, "host")
	if err != nil {
		return err
	}
	name := c.Param("tenant")
	if err := s.o.Manager.RemoveDomain(c.Request.Context(), s.by(c), name, posted.Get("host")); err != nil {
		return s.refuse(c, err, nil)
	}
	return look.SeeOther(c, "/tenants/"+name+"?done=domain-removed#domains")
}
