package app

import (
	"log/slog"
	"testing"
)

func TestServersHaveEveryLimit(t *testing.T) {
	t.Parallel()
	s := newServer(nil, &door{}, slog.New(slog.DiscardHandler))
	if s.ReadHeaderTimeout == 0 || s.IdleTimeout == 0 || s.MaxHeaderBytes == 0 || s.ErrorLog == nil {
		t.Errorf("%v, %v, %d", s.ReadHeaderTimeout, s.IdleTimeout, s.MaxHeaderBytes)
	}
}
