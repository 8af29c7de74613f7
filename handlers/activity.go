package handlers

import (
	"fmt"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

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
	var bad faults
	page := readPage(c, &bad, "activity", order{columns: []string{"activity.id"}, descending: true})
	if err := bad.err(); err != nil {
		return err
	}
	var found []models.Activity
	if err := page.rows(tx).Joins("Actor").Find(&found).Error; err != nil {
		return err
	}
	writePage(c, page, found, viewActivity, activityKeys)
	return nil
}

// record stores what the request did, in the transaction in which it did it.
// action is subject and verb, such as "task.created"; the subject's id is of
// the kind that the action begins with.
func record(c *gin.Context, tx *gorm.DB, action string, subjectID int64, summary string) error {
	err := tx.Create(&models.Activity{ActorID: actor(c), Action: action, SubjectID: subjectID, Summary: summary}).Error
	if err != nil {
		return fmt.Errorf("record activity: %w", err)
	}
	return nil
}

// actor is the user who sent the request, nil for nobody known. There is no
// sign-in yet.
func actor(*gin.Context) *int64 { return nil }

// save stores the members of row that the request changed, and records it; a
// request that changed nothing does nothing. kind is the action's subject.
func save(c *gin.Context, tx *gorm.DB, o *object, row any, kind string, id int64, title string) error {
	if len(o.changed) == 0 {
		return nil
	}
	if err := tx.Select(o.changed).Updates(row).Error; err != nil {
		return err
	}
	return record(c, tx, kind+".updated", id, fmt.Sprintf("updated %s “%s”: %s", kind, title, strings.Join(o.changed, ", ")))
}
