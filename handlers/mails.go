package handlers

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"tenantry/handlers/account"
	"tenantry/handlers/mail"
	"tenantry/handlers/request"
	"tenantry/models"
	"tenantry/tenants"
)

// The names of messages about tasks.
const (
	assignedLetter = "task-assigned"
	dueLetter      = "tasks-due"
)

// maxTasksInLetter bounds the tasks that a letter names.
const maxTasksInLetter = 50

// mailDue has the assignees of tasks that are due on a day written to, each once.
func mailDue(tx *gorm.DB, day models.Date, tasks []models.Task) error {
	written := map[int64]bool{}
	for _, task := range tasks {
		if task.AssigneeID == nil || written[*task.AssigneeID] {
			continue
		}
		written[*task.AssigneeID] = true
		key := fmt.Sprintf("%s/%s/%d", dueLetter, day, *task.AssigneeID)
		if err := mail.Enqueue(tx, mail.Message{Name: dueLetter, UserID: *task.AssigneeID, Day: day.String()}, key); err != nil {
			return err
		}
	}
	return nil
}

// Letters are the writers of messages about tasks. Their links lead to the tenant's origin, as account.Options has it.
func Letters(origin func(name string) string) map[string]mail.Writer {
	return map[string]mail.Writer{
		assignedLetter: {Write: func(tx *gorm.DB, t *tenants.Tenant, m mail.Message) (*mail.Letter, error) {
			return writeAssigned(tx, t, m, origin(t.Address()))
		}},
		dueLetter: {Write: func(tx *gorm.DB, t *tenants.Tenant, m mail.Message) (*mail.Letter, error) {
			return writeDue(tx, t, m, origin(t.Address()))
		}},
	}
}

// writeAssigned writes to a user which of the tasks are assigned to them still.
func writeAssigned(tx *gorm.DB, t *tenants.Tenant, m mail.Message, origin string) (*mail.Letter, error) {
	user, err := recipient(tx, m.UserID)
	if err != nil || user == nil {
		return nil, err
	}
	var tasks []models.Task
	err = tx.Where("id IN ? AND assignee_id = ?", append(m.TaskIDs, m.TaskID), user.ID).Order("id").Find(&tasks).Error
	if err != nil || len(tasks) == 0 {
		return nil, err
	}
	subject, what := "Assigned to you: "+tasks[0].Title, "this task is"
	if len(tasks) > 1 {
		subject, what = fmt.Sprintf("%d tasks are assigned to you", len(tasks)), "these tasks are"
	}
	var text strings.Builder
	fmt.Fprintf(&text, "Hello %s,\n\n%s assigned to you:\n\n", user.Name, what)
	for _, task := range tasks[:min(len(tasks), maxTasksInLetter)] {
		text.WriteString(taskLine(task, origin))
	}
	if more := len(tasks) - maxTasksInLetter; more > 0 {
		fmt.Fprintf(&text, "And %d more.\n\n", more)
	}
	return &mail.Letter{To: user.Email, Subject: subject, Text: text.String() + foot(t, origin)}, nil
}

// writeDue writes to a user which of their tasks are due on a day and not done.
func writeDue(tx *gorm.DB, t *tenants.Tenant, m mail.Message, origin string) (*mail.Letter, error) {
	user, err := recipient(tx, m.UserID)
	if err != nil || user == nil {
		return nil, err
	}
	var tasks []models.Task
	err = dueTasks(tx).Where("due_on = ? AND assignee_id = ?", m.Day, user.ID).Limit(maxTasksInLetter).Find(&tasks).Error
	if err != nil || len(tasks) == 0 {
		return nil, err
	}
	var text strings.Builder
	fmt.Fprintf(&text, "Hello %s,\n\nthis is due on %s:\n\n", user.Name, m.Day)
	for _, task := range tasks {
		text.WriteString(taskLine(task, origin))
	}
	return &mail.Letter{To: user.Email, Subject: "Due on " + m.Day, Text: text.String() + foot(t, origin)}, nil
}

func taskLine(task models.Task, origin string) string {
	return fmt.Sprintf("%s\n%s/tasks/%d\n\n", task.Title, origin, task.ID)
}

// foot says where a letter comes from, and how to get no more.
func foot(t *tenants.Tenant, origin string) string {
	return fmt.Sprintf("-- \n%s. No more mail about tasks: %s/account\n", cmp.Or(t.Name, t.Subdomain), origin)
}

// recipient returns the user, or nil if there is none or they want no mail about tasks.
func recipient(tx *gorm.DB, id int64) (*models.User, error) {
	var user models.User
	err := tx.Where("NOT EXISTS (SELECT 1 FROM mail_opt_outs o WHERE o.user_id = users.id)").Take(&user, id).Error
	if err != nil {
		return nil, ignoreMissing(err)
	}
	return &user, nil
}

func ignoreMissing(err error) error {
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil
	}
	return err
}

// mailJSON is which mail a user wants.
type mailJSON struct {
	Tasks bool `json:"tasks"`
}

// GetMail shows which mail the user who asks wants.
func GetMail(c *gin.Context, tx *gorm.DB) error {
	wanted, err := WantsMail(tx, account.Current(c))
	if err == nil {
		c.JSON(http.StatusOK, mailJSON{wanted})
	}
	return err
}

// WantsMail reports whether the user wants mail about tasks.
func WantsMail(tx *gorm.DB, who *account.Identity) (bool, error) {
	var out int64
	err := tx.Model(&models.MailOptOut{}).Where("user_id = ?", who.UserID).Count(&out).Error
	return out == 0, err
}

// UpdateMail changes which mail the user who asks wants.
func UpdateMail(c *gin.Context, tx *gorm.DB) error {
	in, err := request.ReadInput(c)
	if err != nil {
		return err
	}
	wanted, err := WantsMail(tx, account.Current(c))
	if err != nil {
		return err
	}
	request.Member(in, "tasks", &wanted, nil)
	if err := in.Done(); err != nil {
		return err
	}
	if err := WantMail(tx, account.Current(c), wanted); err != nil {
		return err
	}
	c.JSON(http.StatusOK, mailJSON{wanted})
	return nil
}

// WantMail stores whether the user wants mail about tasks.
func WantMail(tx *gorm.DB, who *account.Identity, wanted bool) error {
	if wanted {
		return tx.Delete(&models.MailOptOut{}, "user_id = ?", who.UserID).Error
	}
	return tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&models.MailOptOut{UserID: who.UserID}).Error
}

// isAssigned reports whether a change names another assignee.
func isAssigned(changed []string) bool { return slices.Contains(changed, "assignee_id") }
