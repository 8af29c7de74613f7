package command

import (
	"strings"
	"testing"
)

func TestAccessLogNamesTheTenant(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	s.create(t, "acme")
	srv := s.serve(t)
	srv.get(t, "acme", "/api/users")
	srv.get(t, "nobody", "/api/users")
	srv.stop(t)
	if n := strings.Count(srv.log.String(), `"tenant":"acme"`); n != 2 { // signing in, and what was asked for
		t.Errorf("acme %d times in %s", n, srv.log)
	}
}
