package pages

import (
	"cmp"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"tenantry/handlers"
	"tenantry/handlers/account"
	"tenantry/handlers/look"
	"tenantry/handlers/request"
	"tenantry/models"
)

// columnSize is the number of cards that a column shows at once. Three columns of
// them keep every board under 150 KB.
const columnSize = 40

// boardPage is a project with its tasks in three columns.
type boardPage struct {
	Project models.Project
	Columns []column
	New     *form
	// Problem is why a task could not be moved.
	Problem string
	// Imported is the number of tasks that an import has just added.
	Imported    string
	Total, Done int64
}

// column is the tasks of a status.
type column struct {
	Status, Name string
	Cards        []card
	Count        int64
	// More is the address of more cards, Start that of the first ones; empty for
	// none.
	More, Start string
}

// card is a task on the board.
type card struct {
	Title string
	Due   *due
	// Open begins the card, Assignee is who has the task, and Moves the form
	// with the buttons that move it. They are rendered already.
	Open, Assignee, Moves template.HTML
	// Meta says that there is a due date or an assignee.
	Meta bool
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
	id := request.PathID(c)
	return s.showBoard(c, tx, http.StatusOK, id, boardPage{New: newTaskForm(id)})
}

func (s *Site) showBoard(c *gin.Context, tx *gorm.DB, status int, projectID int64, page boardPage) error {
	after := map[models.Status]string{}
	for _, o := range statuses() {
		after[models.Status(o.Value)] = c.Query(o.Value)
	}
	found, err := handlers.FindBoard(tx, projectID, columnSize, after)
	if err != nil {
		return err
	}
	page.Project, page.Imported = found.Project, importedCount(c)
	if page.Project.Archived {
		page.Problem = cmp.Or(page.Problem, page.New.Problem) // there is no form to show it in
	}
	days := s.calendarOf(c)
	for i, o := range statuses() {
		status := models.Status(o.Value)
		column := s.newColumn(i, found.Columns[status].Rows, days)
		column.Count = found.Counts[status]
		if after[status] != "" {
			column.Start = boardPath(projectID)
		}
		column.More = moreOf(c, projectID, o.Value, found.Columns[status].Next)
		page.Columns = append(page.Columns, column)
		page.Total += column.Count
	}
	page.Done = found.Counts[models.StatusDone]
	s.templates.Show(c, status, "board", s.frameOf(c, found.Project.Name, "/", page))
	return nil
}

// newColumn is the i-th column with cards of the tasks. Much of what the cards
// show is the same on each: it is rendered once, as rendering all of it anew
// would take most of a board's time.
func (s *Site) newColumn(i int, tasks []handlers.BoardTask, days calendar) column {
	here := statuses()[i]
	col := column{Status: here.Value, Name: here.Label, Cards: make([]card, 0, len(tasks))}
	openOf, movesOf, people := s.ofCard("open", i), s.ofCard("moves", i), map[int64]template.HTML{}
	for _, task := range tasks {
		k := card{Title: task.Title, Open: openOf(task.ID), Moves: movesOf(task.ID), Assignee: s.assigneeOf(task, people)}
		if task.DueOn != nil && task.Status != models.StatusDone {
			k.Due = days.due(*task.DueOn)
		}
		k.Meta = k.Due != nil || k.Assignee != ""
		col.Cards = append(col.Cards, k)
	}
	return col
}

// assigneeOf shows who has the task; it is empty for nobody. People who are
// known are not rendered again.
func (s *Site) assigneeOf(task handlers.BoardTask, known map[int64]template.HTML) template.HTML {
	if task.AssigneeID == nil || task.AssigneeName == nil {
		return ""
	}
	text, ok := known[*task.AssigneeID]
	if !ok {
		text = template.HTML(s.templates.Part("board", "assignee", personOf(models.User{Name: *task.AssigneeName})))
		known[*task.AssigneeID] = text
	}
	return text
}

// ofCard gives a part of the cards of the i-th column in which they differ by
// their ids alone.
func (s *Site) ofCard(part string, i int) func(id int64) template.HTML {
	const noID = "9223372036854775807"
	data := struct {
		ID          string
		Left, Right *option
	}{ID: noID}
	all := statuses()
	if i > 0 {
		data.Left = &all[i-1]
	}
	if i+1 < len(all) {
		data.Right = &all[i+1]
	}
	text := s.templates.Part("board", part, data)
	return func(id int64) template.HTML {
		return template.HTML(strings.ReplaceAll(text, noID, strconv.FormatInt(id, 10)))
	}
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

// createTask adds a task on top of its column, below where it was typed.
func (s *Site) createTask(c *gin.Context, tx *gorm.DB) error {
	project, err := request.Take[models.Project](tx, request.PathID(c))
	if err != nil {
		return err
	}
	f := newTaskForm(project.ID)
	if _, err := f.read(c); err != nil {
		return err
	}
	first, err := firstOf(tx, project.ID, models.StatusTodo)
	if err != nil {
		return err
	}
	in := request.NewInput(map[string]any{"title": f.Value("title"), "before": first})
	task, err := attempt(tx, func(tx *gorm.DB) (models.Task, error) {
		return handlers.AddTask(tx, account.Current(c), project.ID, in)
	})
	if status, ok := f.refuse(c, err); ok {
		return s.showBoard(c, tx, status, project.ID, boardPage{New: f})
	}
	if err != nil {
		return err
	}
	return look.SeeOther(c, fmt.Sprintf("%s#t%d", boardPath(project.ID), task.ID))
}
