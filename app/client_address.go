package app

import (
	"net/netip"
	"slices"
	"strings"

	"tenantry/handlers/request"

	"github.com/gin-gonic/gin"
)

// identifyClient gives the request its client's address, for
// handlers.ClientAddress.
func identifyClient(trusted []netip.Prefix) gin.HandlerFunc {
	return func(c *gin.Context) {
		client := request.ClientAddress(c) // the peer's
		if len(trusted) > 0 {
			client = clientBehind(client, c.Request.Header.Values("X-Forwarded-For"), trusted)
		}
		request.SetClientAddress(c, client)
	}
}

// clientBehind is the address of the client that a peer speaks for. Each proxy
// appends the address of its own peer to X-Forwarded-For, so the list is read
// from its end, for as long as what was found is a trusted proxy. Anything left
// of that may be forged, and so may anything left of an element that is no
// address: the result is then the proxy that sent it.
func clientBehind(peer netip.Addr, lines []string, trusted []netip.Prefix) netip.Addr {
	elements := strings.Split(strings.Join(lines, ","), ",")
	for _, element := range slices.Backward(elements) {
		if !within(peer, trusted) {
			break
		}
		if element = strings.TrimSpace(element); element == "" {
			continue // RFC 9110, 5.6.1, has recipients skip it
		}
		next, ok := parseNode(element)
		if !ok {
			break
		}
		peer = next
	}
	return peer
}

// parseNode reads an address, alone or with a port.
func parseNode(text string) (netip.Addr, bool) {
	text = strings.Trim(text, `"`)
	if withPort, err := netip.ParseAddrPort(text); err == nil {
		return request.PlainAddress(withPort.Addr()), true
	}
	if inside, ok := strings.CutPrefix(text, "["); ok {
		text, ok = strings.CutSuffix(inside, "]")
		if !ok {
			return netip.Addr{}, false
		}
	}
	address, err := netip.ParseAddr(text)
	return request.PlainAddress(address), err == nil
}

// within reports whether an address is in one of the networks.
func within(address netip.Addr, networks []netip.Prefix) bool {
	return slices.ContainsFunc(networks, func(n netip.Prefix) bool { return n.Contains(address) })
}
