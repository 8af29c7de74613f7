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

// Record stores what the request did to the subject, in the transaction in
// which it did it: a verb for programs, and a sentence of at most 500
// characters for people.
func Record(c *gin.Context, tx *gorm.DB, s Subject, verb, summary string) error {
	return recordBy(actor(c), tx, s, verb, summary)
}

// recordBy is record for work of a user, or of the system when actor is nil.
func recordBy(actor *int64, tx *gorm.DB, s Subject, verb, summary string) error {
	row := &models.Activity{ActorID: actor, Action: s.Kind + "." + verb, SubjectID: s.ID, Summary: summary}
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

// RecordCreated records that the subject was created.
func RecordCreated(c *gin.Context, tx *gorm.DB, s Subject) error {
	return Record(c, tx, s, "created", fmt.Sprintf("created %s “%s”", s.Kind, s.Name))
}

// RecordDeleted records that the subject was deleted.
func RecordDeleted(c *gin.Context, tx *gorm.DB, s Subject) error {
	return Record(c, tx, s, "deleted", fmt.Sprintf("deleted %s “%s”", s.Kind, s.Name))
}

// Save stores the changed columns of row and records it, in the words of
// summary where it isn't empty. When nothing was changed it does nothing.
// silent columns are stored too, and not told of.
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
