package handlers

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"tenantry/handlers/account"
	"tenantry/handlers/mail"
	"tenantry/models"
	"tenantry/tenants/jobs"
)

// assignment is a job that waits until its task's new assignee is written to. The first that is due takes the others of its user
// along: a user gets one letter in assignmentPause, and none for what was taken back meanwhile.
type assignment struct {
	UserID int64 `json:"user_id"`
	TaskID int64 `json:"task_id"`
}

const (
	assignmentPause = 5 * time.Minute
	// maxAssignments bounds the tasks of one message. Others get a message of their own.
	maxAssignments = 2000
)

// Kind is "tasks.assigned".
func (assignment) Kind() string { return "tasks.assigned" }

// key is the same for each assignment of the task to the user. It begins with assignmentsOf.
func (a assignment) key() string { return fmt.Sprintf("%s%d", assignmentsOf(a.UserID), a.TaskID) }

func assignmentsOf(userID int64) string { return fmt.Sprintf("%d/", userID) }

// planAssigned has the task's assignee written to, unless they assigned it themselves.
func planAssigned(tx *gorm.DB, who *account.Identity, task models.Task) error {
	if task.AssigneeID == nil || *task.AssigneeID == who.UserID {
		return nil
	}
	planned := assignment{*task.AssigneeID, task.ID}
	return jobs.Enqueue(tx, planned, jobs.Options{UniqueKey: planned.key(), ScheduledAt: time.Now().Add(assignmentPause)})
}

// mailAssigned writes one message instead of all assignments of the user that wait. Those that another process works on go into a message
// of their own.
func mailAssigned(_ context.Context, tx *gorm.DB, job *jobs.Job[assignment]) error {
	var others []jobs.Row
	err := tx.Clauses(clause.Locking{Strength: "UPDATE", Options: "SKIP LOCKED"}).
		Where("kind = ? AND state = ? AND unique_key LIKE ?", job.Args.Kind(), jobs.Available, assignmentsOf(job.Args.UserID)+"%").
		Order("id").Limit(maxAssignments).Find(&others).Error
	if err != nil {
		return err
	}
	m := mail.Message{Name: assignedLetter, UserID: job.Args.UserID, TaskID: job.Args.TaskID, TaskIDs: []int64{job.Args.TaskID}}
	for _, row := range others {
		var other assignment
		if err := json.Unmarshal([]byte(row.Args), &other); err != nil {
			return fmt.Errorf("arguments of job %s: %w", row.ID, err)
		}
		m.TaskIDs = append(m.TaskIDs, other.TaskID)
	}
	if len(others) > 0 {
		if err := tx.Delete(&others).Error; err != nil {
			return err
		}
	}
	return mail.Enqueue(tx, m, "")
}
