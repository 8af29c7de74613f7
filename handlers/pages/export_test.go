package pages

import (
	"tenantry/handlers/look"
	"tenantry/tenants"
)

// Initials is for a test of what stands for people.
func Initials(name string, most int) string { return initials(name, most) }

// DayText is for a test of the words for days.
func DayText(day, today string) string { return dayText(day, today) }

// LocalPath is for a test of where a sign-in leads.
func LocalPath(text string) string { return look.LocalPath(text) }

// HueOf is the class of a tenant's colour, for a test of it.
func HueOf(id, name string) string { return placeOf(&tenants.Tenant{ID: id, Name: name}).Hue }
