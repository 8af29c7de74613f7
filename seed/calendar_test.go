package seed

import (
	"math/rand/v2"
	"testing"
	"time"
)

func testCalendar() calendar { return calendar{rand.New(rand.NewPCG(1, 2))} }

func TestWorkday(t *testing.T) {
	t.Parallel()
	for date, want := range map[string]string{
		"2026-11-20": "2026-11-20", // Friday
		"2026-11-21": "2026-11-23", // Saturday
		"2026-11-22": "2026-11-24", // Sunday
		"2025-12-23": "2025-12-23",
		"2025-12-24": "2026-01-05",
		"2025-12-31": "2026-01-12",
		"2026-01-01": "2026-01-13",
		"2026-01-02": "2026-01-02",
	} {
		day, err := time.Parse(time.DateOnly, date)
		if err != nil {
			t.Fatal(err)
		}
		if got := workday(day).Format(time.DateOnly); got != want {
			t.Errorf("workday(%s) = %s, want %s", date, got, want)
		}
	}
}

func TestReferenceDayIsAWorkday(t *testing.T) {
	t.Parallel()
	if day := referenceDay(); workday(day) != day || day.Weekday() != time.Friday {
		t.Errorf("the reference day is a %s", day.Weekday())
	}
	for days := range 5 {
		if at := testCalendar().daysAgo(days, time.Time{}); !isPast(at) {
			t.Errorf("%d days ago is %s, which is to come", days, at)
		}
	}
}

func TestAfterIsLater(t *testing.T) {
	t.Parallel()
	c, at := testCalendar(), referenceDay().AddDate(-2, 0, 0)
	for i := range 2000 {
		next := c.after(at, i%5-1)
		if !next.After(at) {
			t.Fatalf("%d days after %s is %s", i%5-1, at, next)
		}
		at = next
	}
}

func TestDaysAgoIsAfterItsFloor(t *testing.T) {
	t.Parallel()
	c := testCalendar()
	for days := range 400 {
		floor := referenceDay().AddDate(0, 0, -200)
		if at := c.daysAgo(days, floor); !at.After(floor) {
			t.Fatalf("%d days ago is %s, not after %s", days, at, floor)
		}
	}
}

func TestDaysLeft(t *testing.T) {
	t.Parallel()
	noon := referenceDay().Add(12 * time.Hour)
	for _, test := range []struct{ ago, end, want int }{{0, 0, 0}, {10, 0, 10}, {10, 4, 6}, {3, 5, -2}} {
		if got := daysLeft(noon.AddDate(0, 0, -test.ago), test.end); got != test.want {
			t.Errorf("from %d to %d days ago are %d days, want %d", test.ago, test.end, got, test.want)
		}
	}
}

func TestSkewedStaysInRange(t *testing.T) {
	t.Parallel()
	c := testCalendar()
	for most := range 40 {
		for range 50 {
			if n := c.skewed(most); n < 0 || n > most {
				t.Fatalf("skewed(%d) = %d", most, n)
			}
		}
	}
}
