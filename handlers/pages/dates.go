package pages

import (
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"tenantry/models"
	"tenantry/tenants/web"
)

// calendar shows times to people of a tenant, in its time zone and its language.
type calendar struct {
	zone     *time.Location
	language language
	today    models.Date
}

// language has the words of dates.
type language struct {
	months                     [12]string
	yesterday, today, tomorrow string
	afterDay                   string // follows the number of a day
}

// languageOf returns the words of a language, or those of English.
func languageOf(tag string) language {
	switch tag {
	case "de":
		return language{[12]string{"Jan.", "Feb.", "März", "Apr.", "Mai", "Juni", "Juli", "Aug.", "Sept.", "Okt.", "Nov.", "Dez."}, "gestern", "heute", "morgen", "."}
	case "es":
		return language{[12]string{"ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sept", "oct", "nov", "dic"}, "ayer", "hoy", "mañana", ""}
	case "fr":
		return language{[12]string{"janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc."}, "hier", "aujourd’hui", "demain", ""}
	}
	return language{[12]string{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"}, "yesterday", "today", "tomorrow", ""}
}

// calendarOf is the calendar of the request's tenant.
func (s *Site) calendarOf(c *gin.Context) calendar {
	look := Appearance{}
	if t, ok := web.Resolved(c); ok {
		look = s.appearance(t)
	}
	return calendarAt(time.Now(), look)
}

func calendarAt(now time.Time, look Appearance) calendar {
	if look.Zone == nil {
		look.Zone = time.UTC
	}
	return calendar{look.Zone, languageOf(look.Language), models.DateOf(now.In(look.Zone))}
}

// due is a due date on a card.
type due struct {
	Day  string // for programs
	Text string
	Late bool
}

// due is a due date of a task that is not done.
func (k calendar) due(date models.Date) *due {
	day := date.String()
	d := &due{Day: day, Text: "Due " + k.day(day), Late: day < k.today.String()}
	if d.Late {
		d.Text = "Overdue: " + k.day(day)
	}
	return d
}

// day is a day in the words of people who know what day it is today.
func (k calendar) day(day string) string {
	date, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return day
	}
	now := k.today.Time()
	switch int(date.Sub(now).Hours() / 24) {
	case 0:
		return k.language.today
	case 1:
		return k.language.tomorrow
	case -1:
		return k.language.yesterday
	}
	if date.Year() == now.Year() {
		return k.language.short(date)
	}
	return k.language.long(date)
}

func (l language) short(t time.Time) string {
	return strconv.Itoa(t.Day()) + l.afterDay + " " + l.months[t.Month()-1]
}

func (l language) long(t time.Time) string { return l.short(t) + " " + strconv.Itoa(t.Year()) }

// moment is a time with its zone.
func (k calendar) moment(at time.Time) string {
	at = at.In(k.zone)
	return k.language.long(at) + at.Format(", 15:04 MST")
}
