package pages

import (
	"time"

	"tenantry/handlers/look"
	"tenantry/models"
	"tenantry/tenants"
)

// Initials is for a test of what stands for people.
func Initials(name string, most int) string { return initials(name, most) }

// At shows a time and a due date to people who look at it a day later, in a language and a time zone.
func At(at time.Time, language string, zone *time.Location) (moment, due string) {
	k := calendarAt(at.Add(24*time.Hour), Appearance{Language: language, Zone: zone})
	return k.moment(at), k.due(models.DateOf(at.AddDate(0, 1, 0))).Text
}

// DayText is for a test of the words for days.
func DayText(day, today string) string {
	k := calendarAt(time.Time{}, Appearance{})
	k.today, _ = models.ParseDate(today)
	return k.day(day)
}

// LocalPath is for a test of where a sign-in leads.
func LocalPath(text string) string { return look.LocalPath(text) }

// HueOf is the class of a tenant's colour, for a test of it.
func HueOf(id, name string) string {
	return placeOf(&tenants.Tenant{ID: id, Name: name}, Appearance{}).Hue
}
