package pages_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

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

// TestTimesOfATenant are in its time zone, with the months of its language, and its day begins there.
func TestTimesOfATenant(t *testing.T) {
	t.Parallel()
	zone := func(name string) *time.Location {
		found, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	at := time.Date(2026, 2, 28, 23, 30, 0, 0, time.UTC)
	for _, one := range []struct {
		language    string
		zone        *time.Location
		moment, due string
	}{
		{"", nil, "28 Feb 2026, 23:30 UTC", "Due 28 Mar"}, {"de", zone("Europe/Berlin"), "1. März 2026, 00:30 CET", "Due 28. März"},
		{"fr", time.UTC, "28 févr. 2026, 23:30 UTC", "Due 28 mars"}, {"es", zone("America/Sao_Paulo"), "28 feb 2026, 20:30 -03", "Due 28 mar"},
	} {
		if moment, due := pages.At(at, one.language, one.zone); moment != one.moment || due != one.due {
			t.Errorf("%s, %v: %q, %q", one.language, one.zone, moment, due)
		}
	}
}
