package command

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSeedOwnRows creates a tenant with rows of a folder, and adds none if one is wrong.
func TestSeedOwnRows(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s site) {
		dir := t.TempDir()
		write := func(name, content string) {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		write("1_projects.json", `[{"id": 1, "name": "Garden"}]`)
		write("2_tasks.json", `[{"project_id": 1, "title": "Dig", "status": "todo", "position": 1}, {"project_id": 2, "title": "Plant", "status": "todo", "position": 2}]`)
		rows := func() string {
			return s.must(t, "tenant", "query", "SELECT (SELECT count(*) FROM projects) AS p, (SELECT count(*) FROM tasks) AS t", "--no-header")
		}
		if r := s.run(t, "seed", "hooli", "--file="+dir); r.status != exitFailed || !strings.Contains(r.stderr, "2_tasks.json: row 2") {
			t.Errorf("a task of no project: %d %s", r.status, r.stderr)
		}
		if got := rows(); got != "hooli\t0\t0\n" {
			t.Errorf("after that: %s", got)
		}
		write("2_tasks.json", `[{"project_id": 1, "title": "Dig", "status": "todo", "position": 1}]`)
		if got := s.must(t, "seed", "hooli", "--file="+dir, "--no-header"); got != "hooli\tfilled\t2\t\n" {
			t.Errorf("%q", got)
		}
		write("3_projects.json", `[{"id": 2, "name": "Shed"}]`)
		s.must(t, "seed", "hooli", "--file="+filepath.Join(dir, "3_projects.json"))
		if got := rows(); got != "hooli\t2\t1\n" {
			t.Errorf("after that: %s", got)
		}
		for args, want := range map[string]int{"--file=" + dir: exitUsage, "a b --file=" + dir: exitUsage, "hooli --file=nowhere": exitUsage, "No! --file=" + dir: exitUsage} {
			if r := s.run(t, append([]string{"seed"}, strings.Fields(args)...)...); r.status != want {
				t.Errorf("%s: %d %s", args, r.status, r.stderr)
			}
		}
	})
}
