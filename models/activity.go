package models

import "time"

// Activity records who did what. It is written in the transaction of the change
// that it describes, and is kept when its actor or subject is deleted.
type Activity struct {
	ID int64 `gorm:"primaryKey"`
	// ActorID is nil when the system acted or the actor was deleted.
	ActorID *int64 `gorm:"index:activity_actor_idx"`
	// Action is subject and verb, for example "task.created".
	Action string `gorm:"not null;check:activity_action_check,length(action) BETWEEN 1 AND 63"`
	// SubjectID is the id of the user, project or task acted upon.
	SubjectID int64 `gorm:"not null"`
	// Summary is a sentence for people, for example "created task “Order chairs”".
	Summary   string    `gorm:"not null;check:activity_summary_check,length(summary) BETWEEN 1 AND 500"`
	CreatedAt time.Time `gorm:"not null"`

	Actor *User `gorm:"constraint:activity_actor_id_fkey,OnDelete:SET NULL"`
}

// TableName is "activity": the word has no plural here.
func (Activity) TableName() string { return "activity" }
