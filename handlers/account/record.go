package account

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"tenantry/models"
)

// Subject is what an activity is about.
type Subject struct {
	Kind string // "user", "token", "project" or "task"
	ID   int64
	Name string
}

// Record stores what the request did to the subject, in the same transaction: a verb
// for programs, and a sentence of at most 500 characters for people.
func Record(c *gin.Context, tx *gorm.DB, s Subject, verb, summary string) error {
	return recordBy(actor(c), tx, s, verb, summary)
}

// recordBy is Record for changes by the user actor, or by the system if actor is
// nil.
func recordBy(actor *int64, tx *gorm.DB, s Subject, verb, summary string) error {
	row := &models.Activity{ActorID: actor, Action: s.Kind + "." + verb, SubjectID: s.ID, Summary: summary}
	if err := tx.Create(row).Error; err != nil {
		return fmt.Errorf("record activity: %w", err)
	}
	return trimActivity(tx, row.ID)
}

const (
	// keptActivity is the number of activities that a tenant keeps, the newest ones.
	keptActivity = 100_000
	// trimInterval is the number of activities added between removals of old ones,
	// and trimPortion the maximum number removed at once.
	trimInterval, trimPortion = 64, 256
)

// trimActivity occasionally removes some of the oldest activities. newest is the id
// of the newest activity.
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

// actor returns the id of the user who sent the request, or nil if it isn't known.
func actor(c *gin.Context) *int64 {
	if who, ok := whoSent(c); ok {
		return &who.UserID
	}
	return nil
}

// RecordCreated records that the subject was created.
func RecordCreated(c *gin.Context, tx *gorm.DB, s Subject) error {
	return Record(c, tx, s, "created", fmt.Sprintf("created %s “%s”", s.Kind, s.Name))
}

// RecordDeleted records that the subject was deleted.
func RecordDeleted(c *gin.Context, tx *gorm.DB, s Subject) error {
	return Record(c, tx, s, "deleted", fmt.Sprintf("deleted %s “%s”", s.Kind, s.Name))
}

// Save stores the changed columns of row and records the change, with summary unless
// it is empty. It does nothing if no column changed. Columns in silent are stored
// too, but not recorded.
func Save(c *gin.Context, tx *gorm.DB, changed []string, row any, s Subject, summary string, silent ...string) error {
	if len(changed) == 0 {
		return nil
	}
	if err := tx.Select(slices.Concat(changed, silent)).Updates(row).Error; err != nil {
		return err
	}
	if summary == "" {
		summary = fmt.Sprintf("changed %s of %s “%s”", strings.Join(changed, ", "), s.Kind, s.Name)
	}
	return Record(c, tx, s, "updated", summary)
}
