package pages

import (
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"tenantry/handlers"
	"tenantry/handlers/request"
	"tenantry/models"
)

// activityPage shows who did what, by day, newest first.
type activityPage struct {
	Days []activityDay
	Next string
}

// activityDay has the activity of one day.
type activityDay struct {
	Day, Text string
	Entries   []activityEntry
}

// activityEntry is a thing done.
type activityEntry struct {
	Actor         *person // nil for the system, and for who was deleted
	Summary, Link string
	Time, Stamp   string
}

// activity shows the tenant's activities.
func (s *Site) activity(c *gin.Context, tx *gorm.DB) error {
	found, err := handlers.FindActivity(tx, request.ReadQuery(c))
	if err != nil {
		return err
	}
	page := activityPage{Days: byDay(found.Rows, s.calendarOf(c))}
	if found.Next != nil {
		page.Next = "/activity?after=" + *found.Next
	}
	s.templates.Show(c, http.StatusOK, "activity", s.frameOf(c, "Activity", "/activity", page))
	return nil
}

func byDay(rows []models.Activity, k calendar) []activityDay {
	var days []activityDay
	for _, row := range rows {
		at := row.CreatedAt.In(k.zone)
		day := models.DateOf(at).String()
		if len(days) == 0 || days[len(days)-1].Day != day {
			days = append(days, activityDay{Day: day, Text: k.day(day)})
		}
		entry := activityEntry{Summary: row.Summary, Link: linkOf(row), Time: at.Format("15:04"), Stamp: at.UTC().Format(time.RFC3339)}
		if row.Actor != nil {
			entry.Actor = personOf(*row.Actor)
		}
		last := &days[len(days)-1]
		last.Entries = append(last.Entries, entry)
	}
	return days
}

// linkOf returns the path of the subject's page, or "" if it has none.
func linkOf(a models.Activity) string {
	kind, verb, _ := strings.Cut(a.Action, ".")
	switch {
	case verb == "deleted":
		return ""
	case kind == "task":
		return taskPath(a.SubjectID)
	case kind == "project":
		return boardPath(a.SubjectID)
	}
	return ""
}
