package web

import (
	"net/netip"

	"github.com/gin-gonic/gin"

	"tenantry/tenants"
)

// Identify returns the name by which a request names its tenant, or false if it names none. Whatever it reads comes from
// the network, so a function of an application's own must read only what a client can't choose, such as a claim of a
// token that was verified before, or what it is meant to choose, such as a part of the path. It must be safe for
// concurrent use.
type Identify func(c *gin.Context) (name string, ok bool)

// ByHost identifies tenants by the request's Host: a subdomain of the domain, or a host of a tenant's own. It looks at
// nothing else. A request with an absolute-form URI names no tenant, because Go replaces its Host with the URI's.
func ByHost(domain tenants.BaseDomain) Identify {
	return func(c *gin.Context) (string, bool) {
		name, ok := domain.Subdomain(c.Request.Host)
		if !ok {
			name, ok = domain.CustomHost(c.Request.Host)
		}
		return name, ok && c.Request.URL.Host == ""
	}
}

// ByParam identifies tenants by a parameter of the route, as by "tenant" in /at/:tenant/contacts. Browsers keep cookies
// by host, so all these tenants share them.
func ByParam(param string) Identify {
	return func(c *gin.Context) (string, bool) { return c.Param(param), true }
}

// ByHeader identifies tenants by a header that a gateway sets. It counts only once in a request, and only if the
// connection's peer is in one of the gateways' networks. The gateway must remove the header from what clients send.
func ByHeader(header string, gateways ...netip.Prefix) Identify {
	return func(c *gin.Context) (string, bool) {
		values := c.Request.Header.Values(header)
		return c.Request.Header.Get(header), len(values) == 1 && fromGateway(c.Request.RemoteAddr, gateways)
	}
}

// fromGateway reports whether the peer at an address with a port is in one of the networks.
func fromGateway(peer string, gateways []netip.Prefix) bool {
	address, err := netip.ParseAddrPort(peer)
	if err != nil {
		return false
	}
	for _, network := range gateways {
		if network.Contains(address.Addr().Unmap().WithZone("")) {
			return true
		}
	}
	return false
}

// subdomains wraps an Identify of an application's. It returns false for names that aren't subdomains.
func subdomains(identify Identify) Identify {
	return func(c *gin.Context) (string, bool) {
		name, ok := identify(c)
		return name, ok && tenants.ValidateSubdomain(name) == nil
	}
}
