package app

import (
	"log/slog"
	"strings"
	"testing"
)

func TestServersHaveEveryLimit(t *testing.T) {
	t.Parallel()
	s := newServer(nil, &door{}, slog.New(slog.DiscardHandler))
	if s.ReadHeaderTimeout == 0 || s.IdleTimeout == 0 || s.MaxHeaderBytes == 0 || s.ErrorLog == nil {
		t.Errorf("%v, %v, %d", s.ReadHeaderTimeout, s.IdleTimeout, s.MaxHeaderBytes)
	}
}

// TestListenErrors name the setting, and what is in the way only if something is.
func TestListenErrors(t *testing.T) {
	t.Parallel()
	taken, err := listen(t.Context(), "addr", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() })
	for addr, isTaken := range map[string]bool{taken.Addr().String(): true, "192.0.2.1:0": false} {
		_, err := listen(t.Context(), "addr", addr)
		if err == nil || !strings.Contains(err.Error(), "TENANTRY_ADDR (--addr)") || strings.Contains(err.Error(), "stop what listens there") != isTaken {
			t.Errorf("%s: %v", addr, err)
		}
	}
}
