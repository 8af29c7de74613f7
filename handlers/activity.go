package handlers

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

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
	found, err := FindActivity(c, tx)
	return request.WriteList(c, found, err, viewActivity)
}

// FindActivity finds the page of what was done that the query asks for, with
// the actors.
func FindActivity(c *gin.Context, tx *gorm.DB) (request.Found[models.Activity], error) {
	var bad request.Faults
	page := request.ReadPage(c, &bad, "activity", request.Order{Columns: []string{"activity.id"}, Descending: true})
	if err := bad.Err(); err != nil {
		return request.Found[models.Activity]{}, err
	}
	return request.FindPage(tx.Joins("Actor"), page, activityKeys)
}

// subject is what an activity is about.
type subject struct {
	kind string // "user", "token", "project" or "task"
	id   int64
	name string
}

// record stores what the request did to the subject, in the transaction in
// which it did it: a verb for programs, and a sentence of at most 500
// characters for people.
func record(c *gin.Context, tx *gorm.DB, s subject, verb, summary string) error {
	return recordBy(actor(c), tx, s, verb, summary)
}

// recordBy is record for work of a user, or of the system when actor is nil.
func recordBy(actor *int64, tx *gorm.DB, s subject, verb, summary string) error {
	row := &models.Activity{ActorID: actor, Action: s.kind + "." + verb, SubjectID: s.id, Summary: summary}
	if err := tx.Create(row).Error; err != nil {
		return fmt.Errorf("record activity: %w", err)
	}
	return trimActivity(tx, row.ID)
}

const (
	// keptActivity is how many activities a tenant keeps, the newest ones.
	keptActivity = 100_000
	// trimInterval is how many are added before old ones are removed, and
	// trimPortion how many then are at most.
	trimInterval, trimPortion = 64, 256
)

// trimActivity removes some of what is older than the newest activities, now
// and then. newest is the id of the last one.
func trimActivity(tx *gorm.DB, newest int64) error {
	if newest%trimInterval != 0 || newest <= keptActivity {
		return nil
	}
	old := tx.Model(&models.Activity{}).Select("id").Where("id <= ?", newest-keptActivity).Order("id").
		Limit(trimPortion).Clauses(clause.Locking{Strength: "UPDATE", Options: "SKIP LOCKED"})
	if err := tx.Where("id IN (?)", old).Delete(&models.Activity{}).Error; err != nil {
		return fmt.Errorf("trim activity: %w", err)
	}
	return nil
}

// actor is the id of the user who sent the request, nil for nobody known.
func actor(c *gin.Context) *int64 {
	if who, ok := whoSent(c); ok {
		return &who.UserID
	}
	return nil
}

func recordCreated(c *gin.Context, tx *gorm.DB, s subject) error {
	return record(c, tx, s, "created", fmt.Sprintf("created %s “%s”", s.kind, s.name))
}

func recordDeleted(c *gin.Context, tx *gorm.DB, s subject) error {
	return record(c, tx, s, "deleted", fmt.Sprintf("deleted %s “%s”", s.kind, s.name))
}

// save stores the changed columns of row and records it, in the words of
// summary where it isn't empty. When nothing was changed it does nothing.
// silent columns are stored too, and not told of.
func save(c *gin.Context, tx *gorm.DB, changed []string, row any, s subject, summary string, silent ...string) error {
	if len(changed) == 0 {
		return nil
	}
	if err := tx.Select(slices.Concat(changed, silent)).Updates(row).Error; err != nil {
		return err
	}
	if summary == "" {
		summary = fmt.Sprintf("changed %s of %s “%s”", strings.Join(changed, ", "), s.kind, s.name)
	}
	return record(c, tx, s, "updated", summary)
}
