package seed

import (
	"math/rand/v2"
	"time"

	"tenantry/models"
)

// day is the time from one midnight to the next: all is in UTC.
const day = 24 * time.Hour

// referenceDay is the day on which the demo companies stand still: a Friday.
// What they did lies before it, what is open is due around it. It is the same
// on every run, so that the seed gives the same rows today and next year.
func referenceDay() time.Time {
	return time.Date(2026, time.November, 20, 0, 0, 0, 0, time.UTC)
}

// isPast reports whether t has happened by the end of the reference day.
func isPast(t time.Time) bool { return t.Before(referenceDay().Add(day)) }

// daysLeft are the days from t until the day that is so many days ago.
func daysLeft(t time.Time, daysAgo int) int {
	return int(referenceDay().AddDate(0, 0, -daysAgo).Sub(t.Truncate(day)) / day)
}

// calendar chooses at random, above all the moments at which people work.
type calendar struct{ rand *rand.Rand }

// daysAgo is a moment on the working day that is so many days before the
// reference day, but always later than floor.
func (c calendar) daysAgo(days int, floor time.Time) time.Time {
	t := c.on(referenceDay().AddDate(0, 0, -days))
	if t.After(floor) {
		return t
	}
	return c.after(floor, 0)
}

// after is a moment so many days after t, always later than t.
func (c calendar) after(t time.Time, days int) time.Time {
	if days <= 0 {
		return t.Add(time.Duration(300+c.rand.IntN(5400)) * time.Second)
	}
	return c.on(t.Truncate(day).AddDate(0, 0, days))
}

// on is a moment on that day or the next working day, between 7 and 17 UTC.
func (c calendar) on(date time.Time) time.Time {
	return workday(date).Add(time.Duration(7*3600+c.rand.IntN(10*3600)) * time.Second)
}

// skewed is a number from 0 to most, more often a small one: most/4 on average.
func (c calendar) skewed(most int) int { return c.rand.IntN(c.rand.IntN(most+1) + 1) }

// chance is true in percent of 100 cases.
func (c calendar) chance(percent int) bool { return c.rand.IntN(100) < percent }

// workday is date, or a working day soon after it where it is on a weekend or
// between Christmas and New Year.
func workday(date time.Time) time.Time {
	if date.Month() == time.December && date.Day() >= 24 || date.Month() == time.January && date.Day() == 1 {
		date = date.AddDate(0, 0, 12)
	}
	if date.Weekday() == time.Saturday || date.Weekday() == time.Sunday {
		date = date.AddDate(0, 0, 2)
	}
	return date
}

// dueOn is the day of t, or the next working day, as a due date.
func dueOn(t time.Time) *models.Date {
	date := models.DateOf(workday(t))
	return &date
}
