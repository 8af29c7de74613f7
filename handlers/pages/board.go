package pages

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"tenantry/handlers"
	"tenantry/models"
)

// columnSize is how many cards a column shows at once. Three columns of them
// keep a board of any number of tasks under 150 KB.
const columnSize = 40

// boardPage is a project with its tasks in three columns.
type boardPage struct {
	Project models.Project
	Columns []column
	New     *form
	// Problem is why a task could not be moved.
	Problem string
	// Imported is how many tasks an import has just brought.
	Imported    string
	Total, Done int64
}

// column is the tasks of a status.
type column struct {
	Status, Name string
	// Left and Right are the statuses of the columns beside it, empty for none.
	Left, Right         string
	LeftName, RightName string
	Cards               []card
	Count               int64
	More                string // the address of more cards, empty for none
}

// card is a task on the board.
type card struct {
	ID       int64
	Title    string
	Assignee *person
	Due      *due
}

func boardPath(projectID int64) string { return fmt.Sprintf("/projects/%d", projectID) }

func newTaskForm(projectID int64) *form {
	f := newForm("new-task", boardPath(projectID)+"/tasks", "Add",
		field{Name: "title", Label: "New task", Required: true, Autocomplete: "off"})
	return f.renewing("board")
}

// board shows a project. ?todo=, ?doing= and ?done= say after which card a
// column begins.
func (s *Site) board(c *gin.Context, tx *gorm.DB) error {
	id, err := projectID(c, tx)
	if err != nil {
		return err
	}
	return s.showBoard(c, tx, http.StatusOK, newTaskForm(id), "")
}

// projectID is the id of the project of the path, which is there.
func projectID(c *gin.Context, tx *gorm.DB) (int64, error) {
	project, err := handlers.TakeProject(c, tx)
	return project.ID, err
}

func (s *Site) showBoard(c *gin.Context, tx *gorm.DB, status int, f *form, problem string) error {
	project, err := handlers.TakeProject(c, tx)
	if err != nil {
		return err
	}
	page := boardPage{Project: project, New: f, Problem: problem, Imported: importedCount(c)}
	if project.Archived {
		page.Problem = cmp.Or(problem, f.Problem) // there is no form to show it in
	}
	counts, err := countByStatus(tx, project.ID)
	if err != nil {
		return err
	}
	found := make([]handlers.Found[models.Task], len(statuses()))
	for i, o := range statuses() {
		found[i], err = handlers.FindColumn(tx, project.ID, models.Status(o.Value), columnSize, c.Query(o.Value), o.Value)
		if err != nil {
			return err
		}
	}
	people, err := assignees(tx, found)
	if err != nil {
		return err
	}
	for i, o := range statuses() {
		column := newColumn(i, found[i].Rows, people)
		column.Count = counts[models.Status(o.Value)]
		column.More = moreOf(c, project.ID, o.Value, found[i].Next)
		page.Columns = append(page.Columns, column)
		page.Total += column.Count
	}
	page.Done = counts[models.StatusDone]
	s.show(c, status, "board", frameOf(c, project.Name, "/", page))
	return nil
}

// newColumn is the i-th column with cards of the tasks.
func newColumn(i int, tasks []models.Task, people map[int64]*person) column {
	all := statuses()
	col := column{Status: all[i].Value, Name: all[i].Label, Cards: make([]card, 0, len(tasks))}
	if i > 0 {
		col.Left, col.LeftName = all[i-1].Value, all[i-1].Label
	}
	if i+1 < len(all) {
		col.Right, col.RightName = all[i+1].Value, all[i+1].Label
	}
	today := models.DateOf(time.Now().UTC())
	for _, task := range tasks {
		k := card{ID: task.ID, Title: task.Title}
		if task.Status != models.StatusDone {
			k.Due = dueOf(task, today)
		}
		if task.AssigneeID != nil {
			k.Assignee = people[*task.AssigneeID]
		}
		col.Cards = append(col.Cards, k)
	}
	return col
}

// moreOf is the address of the board with the column after the cursor, and the
// others as they are.
func moreOf(c *gin.Context, projectID int64, status string, next *string) string {
	if next == nil {
		return ""
	}
	query := url.Values{}
	for _, o := range statuses() {
		if after := c.Query(o.Value); after != "" {
			query.Set(o.Value, after)
		}
	}
	query.Set(status, *next)
	return boardPath(projectID) + "?" + query.Encode()
}

// countByStatus counts a project's tasks.
func countByStatus(tx *gorm.DB, projectID int64) (map[models.Status]int64, error) {
	var rows []struct {
		Status models.Status
		Count  int64
	}
	err := tx.Model(&models.Task{}).Select("status, count(*) AS count").Where("project_id = ?", projectID).Group("status").Scan(&rows).Error
	counts := map[models.Status]int64{}
	for _, row := range rows {
		counts[row.Status] = row.Count
	}
	return counts, err
}

// assignees are the people who have the tasks, by their ids.
func assignees(tx *gorm.DB, columns []handlers.Found[models.Task]) (map[int64]*person, error) {
	wanted := map[int64]bool{}
	for _, found := range columns {
		for _, task := range found.Rows {
			if task.AssigneeID != nil {
				wanted[*task.AssigneeID] = true
			}
		}
	}
	ids := make([]int64, 0, len(wanted))
	for id := range wanted {
		ids = append(ids, id)
	}
	people := map[int64]*person{}
	if len(ids) == 0 {
		return people, nil
	}
	var users []models.User
	err := tx.Select("id", "name").Where("id IN ?", ids).Find(&users).Error
	for _, user := range users {
		people[user.ID] = personOf(user)
	}
	return people, err
}

// createTask adds a task on top of its column, below where it was typed.
func (s *Site) createTask(c *gin.Context, tx *gorm.DB) error {
	id, err := projectID(c, tx)
	if err != nil {
		return err
	}
	f := newTaskForm(id)
	if _, err := f.read(c); err != nil {
		return err
	}
	first, err := firstOf(tx, id, models.StatusTodo)
	if err != nil {
		return err
	}
	in := handlers.NewInput(map[string]any{"title": f.value("title"), "before": first})
	var task models.Task
	err = attempt(tx, func(tx *gorm.DB) (err error) {
		task, err = handlers.AddTask(c, tx, in)
		return err
	})
	if status, ok := f.refuse(c, err); ok {
		return s.showBoard(c, tx, status, f, "")
	}
	if err != nil {
		return err
	}
	return seeOther(c, fmt.Sprintf("%s#t%d", boardPath(id), task.ID))
}
