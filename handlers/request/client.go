package request

import (
	"net/netip"

	"github.com/gin-gonic/gin"
)

type clientKey struct{}

// SetClientAddress gives the request the address of its client.
func SetClientAddress(c *gin.Context, address netip.Addr) { c.Set(clientKey{}, address) }

// ClientAddress returns the address of the client, in the form of PlainAddress. Logs,
// counters of tries and limits use no other. Defaults to the peer's address, or the
// zero Addr if that is no address.
func ClientAddress(c *gin.Context) netip.Addr {
	if value, ok := c.Get(clientKey{}); ok {
		return value.(netip.Addr)
	}
	peer, _ := netip.ParseAddrPort(c.Request.RemoteAddr)
	return PlainAddress(peer.Addr())
}

// PlainAddress returns the one form of an address that is compared: IPv4 if it only
// stands for an IPv4 address, and without a zone.
func PlainAddress(address netip.Addr) netip.Addr {
	address = address.Unmap().WithZone("")
	if nat64 := netip.MustParsePrefix("64:ff9b::/96"); nat64.Contains(address) { // RFC 6052, 2.1
		bytes := address.As16()
		return netip.AddrFrom4([4]byte(bytes[12:]))
	}
	return address
}

// Network returns the network that one client is counted by: an IPv4 address itself,
// and the /64 of an IPv6 address.
func Network(address netip.Addr) string {
	if !address.Is6() {
		return address.String()
	}
	return netip.PrefixFrom(address, 64).Masked().String()
}
