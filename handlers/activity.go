package handlers

import (
	"time"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"tenantry/handlers/request"
	"tenantry/models"
)

// activityJSON is how an activity is shown. The actor is null when the system
// acted or the actor was deleted.
type activityJSON struct {
	ID        int64     `json:"id"`
	ActorID   *int64    `json:"actor_id"`
	ActorName *string   `json:"actor_name"`
	Action    string    `json:"action"`
	SubjectID int64     `json:"subject_id"`
	Summary   string    `json:"summary"`
	CreatedAt time.Time `json:"created_at"`
}

func viewActivity(a models.Activity) activityJSON {
	v := activityJSON{
		ID: a.ID, ActorID: a.ActorID, Action: a.Action, SubjectID: a.SubjectID,
		Summary: a.Summary, CreatedAt: a.CreatedAt.UTC(),
	}
	if a.Actor != nil {
		v.ActorName = &a.Actor.Name
	}
	return v
}

func activityKeys(a models.Activity) []int64 { return []int64{a.ID} }

// ListActivity lists what was done, the newest first.
func ListActivity(c *gin.Context, tx *gorm.DB) error {
	found, err := FindActivity(tx, request.ReadQuery(c))
	return request.WriteList(c, found, err, viewActivity)
}

// FindActivity finds the page of what was done that the query asks for, with
// the actors.
func FindActivity(tx *gorm.DB, q *request.Query) (request.Found[models.Activity], error) {
	page := q.Page("activity", request.Order{Columns: []string{"activity.id"}, Descending: true})
	return request.FindPage(tx.Joins("Actor"), q, page, activityKeys)
}
