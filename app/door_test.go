package app

import (
	"net"
	"testing"
)

func TestSourceOfAnAddress(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"203.0.113.9":          "203.0.113.9/32",
		"::ffff:203.0.113.9":   "203.0.113.9/32",
		"2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64",
		"2001:db8:1:2:ffff::":  "2001:db8:1:2::/64",
		"::1":                  "::/64",
	} {
		if got := source(&net.TCPAddr{IP: net.ParseIP(text)}).String(); got != want {
			t.Errorf("%s is %s, want %s", text, got, want)
		}
	}
}
