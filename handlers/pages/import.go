package pages

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"tenantry/handlers"
	"tenantry/handlers/account"
	"tenantry/handlers/look"
	"tenantry/handlers/problem"
	"tenantry/handlers/request"
	"tenantry/models"
	"tenantry/tenants/web"
)

// importView is the import of a CSV file: first a form, then a preview or what is
// wrong, then the board.
type importView struct {
	Project models.Project
	// Text is the file, to be corrected here or sent again.
	Text string
	// Rows are the first tasks, and Count is the number of all.
	Rows  []importRow
	Count int
	// Faults say what is wrong with the file, and Problem why nothing can be
	// imported.
	Faults  []web.Fault
	Problem string
}

// importRow is a task to be.
type importRow struct{ Title, Status, Assignee, Due string }

// maxImport bounds what the form takes, in bytes. The answer holds it too, in
// which a character may become five; larger files go through the API.
const maxImport = 3 << 20

// previewRows is the number of tasks in a preview.
const previewRows = 20

// importPage asks for a file.
func (s *Site) importPage(c *gin.Context, tx *gorm.DB) error {
	return s.showImport(c, tx, http.StatusOK, importView{})
}

func (s *Site) showImport(c *gin.Context, tx *gorm.DB, status int, v importView) error {
	var err error
	if v.Project, err = request.Take[models.Project](tx, request.PathID(c)); err != nil {
		return err
	}
	s.templates.Show(c, status, "import", s.frameOf(c, "Import into “"+v.Project.Name+"”", "/", v))
	return nil
}

// importTasks shows what a file would bring, or with step=import brings it.
func (s *Site) importTasks(c *gin.Context, tx *gorm.DB) error {
	text, err := postedFile(c)
	if err != nil {
		return err
	}
	request.KeepForm(c, url.Values{"text": {text}})
	id, data := request.PathID(c), []byte(text)
	if c.PostForm("step") == "import" {
		imported, err := attempt(tx, func(tx *gorm.DB) (int, error) { return handlers.AddTasks(tx, account.Current(c), id, data) })
		if err != nil {
			return s.refuseImport(c, tx, text, err)
		}
		return look.SeeOther(c, fmt.Sprintf("%s?imported=%d", boardPath(id), imported))
	}
	tasks, err := attempt(tx, func(tx *gorm.DB) ([]models.Task, error) { return handlers.PreviewTasks(tx, id, data) })
	if err != nil {
		return s.refuseImport(c, tx, text, err)
	}
	rows, err := preview(tx, tasks)
	if err != nil {
		return err
	}
	return s.showImport(c, tx, http.StatusOK, importView{Text: text, Rows: rows, Count: len(tasks)})
}

// refuseImport shows what is wrong with a file. Other errors than of the file or the
// project have a page of their own.
func (s *Site) refuseImport(c *gin.Context, tx *gorm.DB, text string, err error) error {
	p := problem.Describe(c, err)
	if p.Status != http.StatusUnprocessableEntity && p.Status != http.StatusConflict {
		return err
	}
	v := importView{Text: text, Faults: p.Errors}
	if len(v.Faults) == 0 {
		v.Problem = p.Detail
	}
	return s.showImport(c, tx, p.Status, v)
}

// postedFile is the uploaded file, else the text typed instead of one.
func postedFile(c *gin.Context) (string, error) {
	if c.ContentType() != "multipart/form-data" {
		posted, err := request.ReadForm(c, "text", "step")
		return posted.Get("text"), err
	}
	err := c.Request.ParseMultipartForm(2 * maxImport) // all of it: no file is made
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return "", web.ErrBodyTooLarge
	case err != nil:
		return "", errors.Join(web.ErrBodyUnreadable, err)
	}
	if err := checkUpload(c.Request.MultipartForm); err != nil {
		return "", err
	}
	file, _, err := c.Request.FormFile("file")
	if err != nil {
		return c.PostForm("text"), nil
	}
	defer file.Close()
	data, err := io.ReadAll(file)
	if err != nil || len(data) == 0 {
		return c.PostForm("text"), err
	}
	return string(data), nil
}

// checkUpload refuses fields that the form doesn't have. What is wrong with
// the text is told by its reader.
func checkUpload(posted *multipart.Form) error {
	fields := url.Values(maps.Clone(posted.Value))
	delete(fields, "text")
	for name := range posted.File {
		if name != "file" {
			fields.Add(name, "")
		}
	}
	return request.CheckForm(fields, "step")
}

// preview shows the first tasks.
func preview(tx *gorm.DB, tasks []models.Task) ([]importRow, error) {
	tasks = tasks[:min(len(tasks), previewRows)]
	people, err := assignees(tx, tasks)
	if err != nil {
		return nil, err
	}
	rows := make([]importRow, 0, len(tasks))
	for _, task := range tasks {
		row := importRow{Title: task.Title, Status: field{Options: statuses()}.Say(string(task.Status))}
		if task.AssigneeID != nil {
			row.Assignee = people[*task.AssigneeID].Name
		}
		if task.DueOn != nil {
			row.Due = task.DueOn.String()
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// assignees are the people who have the tasks, by their ids.
func assignees(tx *gorm.DB, tasks []models.Task) (map[int64]*person, error) {
	var ids []int64
	for _, task := range tasks {
		if task.AssigneeID != nil {
			ids = append(ids, *task.AssigneeID)
		}
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

// importedCount returns the number of tasks that an import has just added, for the
// board.
func importedCount(c *gin.Context) string {
	count := c.Query("imported")
	if strings.Trim(count, "0123456789") != "" || len(count) > 6 {
		return ""
	}
	return count
}
