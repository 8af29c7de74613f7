package pages_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"tenantry/handlers/pages"
)

func TestInitials(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"Mara Lindholm": "ML", "mara": "M", "Ada B. C. Lovelace": "AL", "Ágnes Molnár": "ÁM", "": "·", "  ": "·", "<b>": "·", "7 Dwarfs": "7D",
	} {
		if got := pages.Initials(name, 2); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
	if got := pages.Initials("Mara Lindholm", 1); got != "M" {
		t.Errorf("one initial is %q", got)
	}
}

func TestDays(t *testing.T) {
	t.Parallel()
	for day, want := range map[string]string{
		"2026-03-01": "today", "2026-03-02": "tomorrow", "2026-02-28": "yesterday", "2026-12-31": "31 Dec", "2027-01-01": "1 Jan 2027", "9999-12-31": "31 Dec 9999",
	} {
		if got := pages.DayText(day, "2026-03-01"); got != want {
			t.Errorf("%s: %q, want %q", day, got, want)
		}
	}
}

// TestColours: a tenant's colour follows from its id alone, and the style sheet
// has all of them.
func TestColours(t *testing.T) {
	t.Parallel()
	style, err := os.ReadFile("../look/assets/style.css")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for i := range 500 {
		id := fmt.Sprintf("01m8%d", i)
		hue := pages.HueOf(id, "Acme")
		if hue != pages.HueOf(id, "Renamed") {
			t.Errorf("%s has another colour under another name", id)
		}
		if !strings.Contains(string(style), "."+hue+" {") {
			t.Errorf("the style sheet has no %s", hue)
		}
		seen[hue] = true
	}
	if len(seen) != 12 {
		t.Errorf("there are %d colours", len(seen))
	}
}
