package command

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"tenantry/tenants"
	"tenantry/tenants/document"
	"tenantry/tenants/fleet"
)

// TestMigrateInWaves stops at a gate, tells how to go on, and goes on.
func TestMigrateInWaves(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	for i := range 6 {
		s.must(t, "tenant", "create", fmt.Sprintf("t%d", i))
		s.setVersion(t, fmt.Sprintf("t%d", i), latest(t)-1)
	}
	database := s.file(t, "t4")
	lost := database + ".lost"
	if err := os.Rename(database, lost); err != nil {
		t.Fatal(err)
	}
	r := s.run(t, "migrate", "up", "--canary", "t0", "--waves", "2,50%", "--max-failures", "0")
	if r.status != exitFailed || !strings.Contains(r.stderr, "migrate up --resume") || !strings.Contains(r.stderr, "t4") {
		t.Errorf("status %d, %s", r.status, r.stderr)
	}
	if r := s.run(t, "migrate", "up"); r.status != exitFailed || !strings.Contains(r.stderr, "migrate up --resume") {
		t.Errorf("another run: status %d, %s", r.status, r.stderr)
	}
	runs := only[document.List[fleet.Run]](t, s.must(t, "migrate", "runs", "--json")).Items
	if len(runs) != 1 || runs[0].State != tenants.RunStopped || runs[0].Migrated != 2 || runs[0].Failed != 1 || !slices.Equal(runs[0].Waves, []int{1, 2, 3}) {
		t.Fatalf("runs %+v", runs)
	}
	if err := os.Rename(lost, database); err != nil {
		t.Fatal(err)
	}
	up := only[migrated](t, s.must(t, "migrate", "up", "--resume", "--json"))
	if up.Run != runs[0].ID || up.State != tenants.RunDone || up.Migrated != 6 || len(up.Failed) != 0 {
		t.Errorf("resumed: %+v", up)
	}
	story := only[document.List[fleet.RunTenant]](t, s.must(t, "migrate", "runs", up.Run, "--json")).Items
	if len(story) != 6 || story[0].Subdomain != "t0" || story[0].From != latest(t)-1 || story[0].To != latest(t) {
		t.Errorf("the story is %+v", story)
	}
	s.must(t, "migrate", "status", "--verify")
}

// TestMigrateFlags refuses what can't be meant.
func TestMigrateFlags(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	s.must(t, "tenant", "create", "acme")
	for _, flags := range []string{
		"--waves 0", "--waves 1,,2", "--waves 101%", "--waves 50%,10%", "--waves x", "--parallel 0", "--parallel 65", "--first -1", "--pause -1s", "--pause soon",
		"--max-failures -1", "--max-slowdown 0.5", "--max-slowdown x", "--max-errors -1", "--max-errors 101", "--min-requests -1", "--resume --abandon", "--resume --tenant acme", "--resume --first 3", "--resume --canary acme", "--resume --retry-failed",
	} {
		if r := s.run(t, append([]string{"migrate", "up"}, strings.Fields(flags)...)...); r.status != exitUsage {
			t.Errorf("%s: status %d, %s", flags, r.status, r.stderr)
		}
	}
	for _, args := range []string{"up --tenant globex", "up --canary acme,globex", "up --resume", "runs 01kb05k4mhg5sm3e9n7cfyd4yz"} {
		if r := s.run(t, append([]string{"migrate"}, strings.Fields(args)...)...); r.status != exitFailed || r.stderr == "" {
			t.Errorf("%s: status %d, %s", args, r.status, r.stderr)
		}
	}
	s.must(t, "migrate", "stop")
}
