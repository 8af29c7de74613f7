package postgres

import (
	"net"
	"strings"
	"testing"

	"tenantry/tenants"
)

// TestUnreachableServerIsOneLine: operators read this error first.
func TestUnreachableServerIsOneLine(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := silent.Addr().String()
	if err := silent.Close(); err != nil { // the port is closed now
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"127.0.0.1", "localhost"} {
		url := "postgres://user:hunter2@" + host + ":" + port + "/d"
		_, masterErr := OpenMaster(t.Context(), MasterConfig{URL: url})
		_, engineErr := New(t.Context(), configAt(t, url))
		for what, err := range map[string]error{"open master": masterErr, "new": engineErr} {
			wantError(t, what, err, tenants.ErrUnavailable)
			if text := err.Error(); strings.Contains(text, "\n") || strings.Contains(text, "hunter2") || !strings.Contains(text, host+":"+port+": connect: connection refused") {
				t.Errorf("%s: %s", what, text)
			}
		}
	}
}
