package account

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"tenantry/models"
	"tenantry/tenants"
	"tenantry/tenants/text"
)

// Subject is what an activity is about.
type Subject struct {
	Kind string // "user", "token", "project" or "task"
	ID   int64
	Name string
}

// Record stores what the user did to the subject, in the same transaction: a verb for
// programs, and a sentence of at most 500 characters for people. The system acts where
// who is nil. What an operator does on a visit is said to be theirs.
func Record(tx *gorm.DB, who *Identity, s Subject, verb, summary string) error {
	row := &models.Activity{Action: s.Kind + "." + verb, SubjectID: s.ID, Summary: summary}
	if who != nil {
		row.ActorID = &who.UserID
		row.Summary = onBehalf(who.Visit, summary)
	}
	if err := tx.Create(row).Error; err != nil {
		return fmt.Errorf("record activity: %w", err)
	}
	return trimActivity(tx, row.ID)
}

// maxSummary is the length of the longest summary, in characters.
const maxSummary = 500

// onBehalf adds the operator of a visit, if there is one, to what was done.
func onBehalf(visit *tenants.Visit, summary string) string {
	if visit == nil {
		return summary
	}
	by := " (by " + operatorOf(visit) + ", on their behalf)"
	return text.Cut(summary, maxSummary-utf8.RuneCountInString(by)) + by
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

// RecordCreated records that the subject was created.
func RecordCreated(tx *gorm.DB, who *Identity, s Subject) error {
	return Record(tx, who, s, "created", fmt.Sprintf("created %s “%s”", s.Kind, s.Name))
}

// RecordDeleted records that the subject was deleted.
func RecordDeleted(tx *gorm.DB, who *Identity, s Subject) error {
	return Record(tx, who, s, "deleted", fmt.Sprintf("deleted %s “%s”", s.Kind, s.Name))
}

// Save stores the changed columns of row and records the change, with summary unless
// it is empty. It does nothing if no column changed. Columns in silent are stored
// too, but not recorded.
func Save(tx *gorm.DB, who *Identity, changed []string, row any, s Subject, summary string, silent ...string) error {
	if len(changed) == 0 {
		return nil
	}
	if err := tx.Select(slices.Concat(changed, silent)).Updates(row).Error; err != nil {
		return err
	}
	if summary == "" {
		summary = fmt.Sprintf("changed %s of %s “%s”", strings.Join(changed, ", "), s.Kind, s.Name)
	}
	return Record(tx, who, s, "updated", summary)
}
