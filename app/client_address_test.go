package app

import (
	"net/netip"
	"strings"
	"testing"

	"tenantry/handlers/request"
)

// TestClientBehindProxies: the client is the last address that a trusted proxy
// vouches for, in every spelling that proxies use.
func TestClientBehindProxies(t *testing.T) {
	t.Parallel()
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	for _, test := range []struct{ peer, lines, want string }{
		{"192.0.2.1", "203.0.113.9", "192.0.2.1"}, // not trusted
		{"10.0.0.1", "", "10.0.0.1"},
		{"10.0.0.1", "203.0.113.9", "203.0.113.9"},
		{"10.0.0.1", "203.0.113.9:41234", "203.0.113.9"},
		{"10.0.0.1", "[2001:db8::7]:443", "2001:db8::7"},
		{"10.0.0.1", "[2001:db8::7]", "2001:db8::7"},
		{"10.0.0.1", "2001:DB8:0::7", "2001:db8::7"},
		{"10.0.0.1", `"[2001:db8::7]:443"`, "2001:db8::7"},
		{"10.0.0.1", "fe80::1%eth0", "fe80::1"},
		{"10.0.0.1", "[fe80::1%eth0]:80", "fe80::1"},
		{"10.0.0.1", "::ffff:203.0.113.9", "203.0.113.9"},
		{"10.0.0.1", "[::ffff:203.0.113.9]:80", "203.0.113.9"},
		{"10.0.0.1", "::ffff:cb00:7109", "203.0.113.9"},
		{"10.0.0.1", "64:ff9b::203.0.113.9", "203.0.113.9"},
		{"::ffff:10.0.0.1", "203.0.113.9", "203.0.113.9"},
		{"fd00::1", "203.0.113.9", "203.0.113.9"},
		{"10.0.0.1", "198.51.100.1, 203.0.113.9", "203.0.113.9"}, // what is left of it was sent by the client
		{"10.0.0.1", "garbage, 203.0.113.9", "203.0.113.9"},
		{"10.0.0.1", "203.0.113.9, 10.0.0.2:80", "203.0.113.9"},
		{"10.0.0.1", "203.0.113.9|10.0.0.2", "203.0.113.9"}, // several headers
		{"10.0.0.1", "203.0.113.9,,\t10.0.0.2 , ", "203.0.113.9"},
		{"10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"},
		{"10.0.0.1", "203.0.113.9, unknown", "10.0.0.1"},
		{"10.0.0.1", "203.0.113.9, _hidden, 10.0.0.2", "10.0.0.2"},
		{"10.0.0.1", "203.0.113.009", "10.0.0.1"},
		{"10.0.0.1", "203.0.113.9:http", "10.0.0.1"},
		{"10.0.0.1", "[2001:db8::7", "10.0.0.1"},
		{"10.0.0.1", "203.0.113.9 198.51.100.1", "10.0.0.1"},
	} {
		var lines []string
		if test.lines != "" {
			lines = strings.Split(test.lines, "|")
		}
		if got := clientBehind(request.PlainAddress(netip.MustParseAddr(test.peer)), lines, trusted); got.String() != test.want {
			t.Errorf("%q at %s: %s, want %s", test.lines, test.peer, got, test.want)
		}
	}
}
