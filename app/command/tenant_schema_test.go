package command

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTenantSchema writes the schema of a suspended tenant, to standard output and into a new file.
func TestTenantSchema(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s site) {
		s.create(t, "acme")
		s.must(t, "tenant", "suspend", "acme")
		out, path := s.must(t, "tenant", "schema", "acme"), filepath.Join(t.TempDir(), "acme.sql")
		if !strings.Contains(out, "CREATE TABLE tasks (") || !strings.Contains(out, "tasks_assignee_idx") || strings.Contains(out, "goose") || strings.Contains(out, "identity") {
			t.Errorf("it says %s", out)
		}
		s.must(t, "tenant", "schema", "acme", path)
		if written, err := os.ReadFile(path); err != nil || string(written) != out {
			t.Errorf("the file has %s, %v", written, err)
		}
		for _, args := range []string{"acme " + path, "nobody"} {
			if r := s.run(t, append([]string{"tenant", "schema"}, strings.Fields(args)...)...); r.status != exitFailed {
				t.Errorf("%s: %d %s", args, r.status, r.stderr)
			}
		}
	})
}
