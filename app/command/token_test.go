package command

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestBadTokenFileStopsTheStart before anything is listened to.
func TestBadTokenFileStopsTheStart(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	s.must(t, "tenant", "create", "acme")
	if err := os.WriteFile(filepath.Join(s.dir, "operator.token"), []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := s.run(t, serveArgs(nil)...)
	if r.status != exitFailed || r.stdout != "" || !strings.Contains(r.stderr, "TENANTRY_OPERATOR_TOKEN") {
		t.Errorf("status %d, %q, %q", r.status, r.stdout, r.stderr)
	}
}
