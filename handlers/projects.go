// Package handlers is the tenants' JSON API: each file is a resource. A handler
// gets the request and its transaction, and returns errors:
//
//	projects.go      the model for all others: read, decode, change, record
//	tasks.go         tasks_board.go and tasks_place.go, their order; tasks_import.go
//	                 and sheet.go, the import of CSV
//	comments.go      comments on tasks
//	users.go         users; their accounts are package account
//	activity.go      what was done by whom
//
// Below it are account (who sends the request), request (how it is read) and
// problem (what it is told when it fails). The pages call what these handlers call.
package handlers

import (
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"tenantry/handlers/account"
	"tenantry/handlers/problem"
	"tenantry/handlers/request"
	"tenantry/models"
)

// projectJSON is how a project is shown.
type projectJSON struct {
	ID          int64  `json:"id"`
	Name        string `json:"name"`
	Description string `json:"description"`
	Archived    bool   `json:"archived"`
}

func viewProject(p models.Project) projectJSON {
	return projectJSON{ID: p.ID, Name: p.Name, Description: p.Description, Archived: p.Archived}
}

func projectKeys(p models.Project) []int64 { return []int64{p.ID} }

func projectSubject(p models.Project) account.Subject {
	return account.Subject{Kind: "project", ID: p.ID, Name: p.Name}
}

// fillProject takes a project's members out of the body.
func fillProject(in *request.Input, p *models.Project) {
	request.Member(in, "name", &p.Name, request.Line(200))
	request.Member(in, "description", &p.Description, request.Prose(10_000))
	request.Member(in, "archived", &p.Archived, nil)
}

// projectTaken gives a duplicate name its words.
func projectTaken(err error) error {
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		return problem.Conflict("A project has this name already.")
	}
	return err
}

// ListProjects lists projects by id; ?archived= narrows it.
func ListProjects(c *gin.Context, tx *gorm.DB) error {
	found, err := FindProjects(c, tx)
	return request.WriteList(c, found, err, viewProject)
}

// FindProjects finds the page of projects that the query asks for.
func FindProjects(c *gin.Context, tx *gorm.DB) (request.Found[models.Project], error) {
	var bad request.Faults
	page := request.ReadPage(c, &bad, "projects", request.Order{Columns: []string{"id"}})
	tx = request.Filter(c, &bad, tx, "archived", parseBool)
	if err := bad.Err(); err != nil {
		return request.Found[models.Project]{}, err
	}
	return request.FindPage(tx, page, projectKeys)
}

func parseBool(text string) (value bool, fault string) {
	if text != "true" && text != "false" {
		return false, "must be true or false"
	}
	return text == "true", ""
}

// CreateProject stores a new project.
func CreateProject(c *gin.Context, tx *gorm.DB) error {
	in, err := request.ReadInput(c)
	if err != nil {
		return err
	}
	project, err := AddProject(c, tx, in)
	if err != nil {
		return err
	}
	request.WriteCreated(c, fmt.Sprintf("/api/projects/%d", project.ID), viewProject(project))
	return nil
}

// AddProject stores a new project.
func AddProject(c *gin.Context, tx *gorm.DB, in *request.Input) (models.Project, error) {
	var project models.Project
	in.Require("name")
	fillProject(in, &project)
	if err := in.Done(); err != nil {
		return project, err
	}
	if err := tx.Create(&project).Error; err != nil {
		return project, projectTaken(err)
	}
	return project, account.RecordCreated(c, tx, projectSubject(project))
}

// TakeProject is the project of the path, or gorm.ErrRecordNotFound.
func TakeProject(c *gin.Context, tx *gorm.DB) (models.Project, error) {
	return request.TakeRow[models.Project](c, tx)
}

// GetProject shows a project.
func GetProject(c *gin.Context, tx *gorm.DB) error {
	project, err := TakeProject(c, tx)
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, viewProject(project))
	return nil
}

// projectMove is what a change of archived alone is called.
func projectMove(p models.Project, changed []string) string {
	switch {
	case !slices.Equal(changed, []string{"archived"}):
		return ""
	case p.Archived:
		return fmt.Sprintf("archived project “%s”", p.Name)
	}
	return fmt.Sprintf("reopened project “%s”", p.Name)
}

// UpdateProject changes the members of a project that the body names.
func UpdateProject(c *gin.Context, tx *gorm.DB) error {
	in, err := request.ReadInput(c)
	if err != nil {
		return err
	}
	project, err := ChangeProject(c, tx, in)
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, viewProject(project))
	return nil
}

// ChangeProject changes what the input names of the project of the path.
func ChangeProject(c *gin.Context, tx *gorm.DB, in *request.Input) (models.Project, error) {
	project, err := request.TakeRow[models.Project](c, models.Locked(tx))
	if err != nil {
		return project, err
	}
	fillProject(in, &project)
	if err := in.Done(); err != nil {
		return project, err
	}
	err = account.Save(c, tx, in.Changed, &project, projectSubject(project), projectMove(project, in.Changed))
	return project, projectTaken(err)
}

// DeleteProject removes a project and its tasks.
func DeleteProject(c *gin.Context, tx *gorm.DB) error {
	return request.WriteNoContent(c, RemoveProject(c, tx))
}

// RemoveProject removes the project of the path and its tasks.
func RemoveProject(c *gin.Context, tx *gorm.DB) error {
	project, err := request.TakeRow[models.Project](c, models.Locked(tx))
	if err != nil {
		return err
	}
	if err := tx.Delete(&project).Error; err != nil {
		return err
	}
	return account.RecordDeleted(c, tx, projectSubject(project))
}
