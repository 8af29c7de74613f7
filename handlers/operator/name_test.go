package operator

import (
	"strings"
	"testing"
)

// TestNames: no operator has the name that the ledger uses for this program.
func TestNames(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"system", "System", " SYSTEM ", "seed", "Seed", "", " ", "a\nb", "\xff", strings.Repeat("x", 101)} {
		if by, err := ParseName(name); err == nil {
			t.Errorf("%q is named as %q", name, by)
		}
	}
	for _, name := range []string{"ada", " Ada Lovelace ", "operator", "systems", "seed-bot", strings.Repeat("é", 100)} {
		if by, err := ParseName(name); err != nil || string(by) != strings.TrimSpace(name) {
			t.Errorf("%q: %q, %v", name, by, err)
		}
	}
}
