package app

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"tenantry/handlers/problem"
	"tenantry/handlers/request"
	"tenantry/tenants"
)

// readOperatorHosts reads the names of the operator's listener: those that are set,
// and the host of its address.
func (c Config) readOperatorHosts(s *settings) error {
	for _, text := range c.OperatorHosts {
		host := plainHost(strings.TrimSpace(text))
		_, notName := tenants.ParseBaseDomain(host)
		if _, notAddress := netip.ParseAddr(host); notName != nil && notAddress != nil {
			return &SettingError{"operator-hosts", text, "host names or addresses without port, with commas between, such as ops.example.com,10.0.0.5"}
		}
		s.operatorHosts = append(s.operatorHosts, host)
	}
	if host, _, err := net.SplitHostPort(c.OperatorAddr); err == nil && host != "" {
		s.operatorHosts = append(s.operatorHosts, plainHost(host))
	}
	return nil
}

// plainHost returns the canonical spelling of a host: in lower case, without
// the brackets and the trailing dot, and as handlers.PlainAddress where it is
// an address.
func plainHost(text string) string {
	if inside, ok := strings.CutPrefix(text, "["); ok {
		text = strings.TrimSuffix(inside, "]")
	}
	if address, err := netip.ParseAddr(text); err == nil {
		return request.PlainAddress(address).String()
	}
	return strings.TrimSuffix(strings.ToLower(text), ".")
}

// ownHosts admits requests to the operator's listener whose host is its own:
// localhost, a loopback address, one of the names, or the address that the
// client is connected to. A page elsewhere whose name resolves to this listener
// (DNS rebinding) sends its own name and is refused, as are the tenants' hosts.
func ownHosts(names []string) gin.HandlerFunc {
	return func(c *gin.Context) {
		host := plainHost((&url.URL{Host: c.Request.Host}).Hostname())
		if host == "localhost" || slices.Contains(names, host) || isOwnAddress(c.Request, host) {
			return
		}
		_ = c.Error(problem.ErrMisdirected)
		c.Abort()
	}
}

// isOwnAddress reports whether a host is a loopback address, or the address
// that the request came to.
func isOwnAddress(r *http.Request, host string) bool {
	address, err := netip.ParseAddr(host)
	if err != nil {
		return false
	}
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if local == nil {
		return address.Unmap().IsLoopback()
	}
	own, _ := netip.ParseAddrPort(local.String())
	return address.Unmap().IsLoopback() || request.PlainAddress(address) == request.PlainAddress(own.Addr())
}
