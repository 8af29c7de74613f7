package pages

import (
	"time"

	"tenantry/models"
)

// due is a due date on a card.
type due struct {
	Day  string // for programs
	Text string
	Late bool
}

// dueOf is a due date of a task that is not done.
func dueOf(date, today models.Date) *due {
	day := date.String()
	d := &due{Day: day, Text: "Due " + dayText(day, today.String()), Late: day < today.String()}
	if d.Late {
		d.Text = "Overdue: " + dayText(day, today.String())
	}
	return d
}

// dayText is a day in the words of people who know what day it is today.
func dayText(day, today string) string {
	date, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return day
	}
	now, err := time.Parse(time.DateOnly, today)
	if err != nil {
		return day
	}
	switch int(date.Sub(now).Hours() / 24) {
	case 0:
		return "today"
	case 1:
		return "tomorrow"
	case -1:
		return "yesterday"
	}
	if date.Year() == now.Year() {
		return date.Format("2 Jan")
	}
	return date.Format("2 Jan 2006")
}

// When is when a comment was written, for people.
func (v commentView) When() string { return v.At.Format("2 Jan 2006, 15:04") + " UTC" }

// Stamp is when a comment was written, for programs.
func (v commentView) Stamp() string { return v.At.Format(time.RFC3339) }
