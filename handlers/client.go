package handlers

import (
	"net/netip"

	"github.com/gin-gonic/gin"
)

type clientKey struct{}

// SetClientAddress gives the request the address of its client.
func SetClientAddress(c *gin.Context, address netip.Addr) { c.Set(clientKey{}, address) }

// ClientAddress is the address of the client who sent the request, in its plain
// form: the only one that logs, counts of tries and limits use. Without
// SetClientAddress it is the peer's, and the zero Addr where that is no
// address.
func ClientAddress(c *gin.Context) netip.Addr {
	if value, ok := c.Get(clientKey{}); ok {
		return value.(netip.Addr)
	}
	peer, _ := netip.ParseAddrPort(c.Request.RemoteAddr)
	return Plain(peer.Addr())
}

// Plain is the one form of an address: IPv4 where it only stands for one of
// IPv4, and without a zone.
func Plain(address netip.Addr) netip.Addr {
	address = address.Unmap().WithZone("")
	if nat64 := netip.MustParsePrefix("64:ff9b::/96"); nat64.Contains(address) { // RFC 6052, 2.1
		bytes := address.As16()
		return netip.AddrFrom4([4]byte(bytes[12:]))
	}
	return address
}

// Network is what one client has of addresses: one of IPv4, and 64 bits' worth
// of IPv6.
func Network(address netip.Addr) string {
	if !address.Is6() {
		return address.String()
	}
	return netip.PrefixFrom(address, 64).Masked().String()
}
