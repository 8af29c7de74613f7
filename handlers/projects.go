// Package handlers is the tenants' JSON API and the operations behind it, which the
// pages call too. Each file is a resource:
//
//	projects.go      the model for all others: read, decode, change, record
//	tasks.go         tasks_board.go and tasks_place.go, their order; tasks_import.go
//	                 and sheet.go, the import of CSV
//	comments.go      comments on tasks
//	users.go         users; their accounts are package account
//	activity.go      what was done by whom
//
// A resource has two kinds of functions. The handlers of requests, which package app
// routes, are called List, Create, Get, Update and Delete, as in CreateProject(c, tx):
// they read the request, call an operation and write the reply. The operations are
// called Find, Add, Change and Remove, as in AddProject(tx, who, in): they take
// values, check them, and return rows and errors. Of a row that isn't there they
// return gorm.ErrRecordNotFound.
//
// Below it are account (who sends the request), request (how it is read) and
// problem (what it is told when it fails).
package handlers

import (
	"errors"
	"fmt"
	"slices"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"tenantry/handlers/account"
	"tenantry/handlers/problem"
	"tenantry/handlers/request"
	"tenantry/models"
	"tenantry/tenants/files"
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
	found, err := FindProjects(tx.Select("id", "name", "description", "archived"), request.ReadQuery(c)) // what viewProject shows
	return request.WriteList(c, found, err, viewProject)
}

// FindProjects finds the page of projects that the query asks for.
func FindProjects(tx *gorm.DB, q *request.Query) (request.Found[models.Project], error) {
	page := q.Page("projects", request.Order{Columns: []string{"id"}})
	return request.FindPage(request.Filter(q, tx, "archived", parseBool), q, page, projectKeys)
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
	project, err := AddProject(tx, account.Current(c), in)
	if err != nil {
		return err
	}
	request.WriteCreated(c, fmt.Sprintf("/api/projects/%d", project.ID), viewProject(project))
	return nil
}

// AddProject stores a new project.
func AddProject(tx *gorm.DB, who *account.Identity, in *request.Input) (models.Project, error) {
	var project models.Project
	in.Require("name")
	fillProject(in, &project)
	if err := in.Done(); err != nil {
		return project, err
	}
	if err := tx.Create(&project).Error; err != nil {
		return project, projectTaken(err)
	}
	return project, account.RecordCreated(tx, who, projectSubject(project))
}

// GetProject shows a project.
func GetProject(c *gin.Context, tx *gorm.DB) error {
	project, err := request.Take[models.Project](tx, request.PathID(c))
	return request.WriteRow(c, project, err, viewProject)
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
	project, err := ChangeProject(tx, account.Current(c), request.PathID(c), in)
	return request.WriteRow(c, project, err, viewProject)
}

// ChangeProject changes what the input names of a project.
func ChangeProject(tx *gorm.DB, who *account.Identity, id int64, in *request.Input) (models.Project, error) {
	project, err := request.Take[models.Project](models.Locked(tx), id)
	if err != nil {
		return project, err
	}
	fillProject(in, &project)
	if err := in.Done(); err != nil {
		return project, err
	}
	err = account.Save(tx, who, in.Changed, &project, projectSubject(project), projectMove(project, in.Changed))
	return project, projectTaken(err)
}

// DeleteProject removes a project and its tasks.
func DeleteProject(c *gin.Context, tx *gorm.DB) error {
	return request.WriteNoContent(c, RemoveProject(tx, account.Current(c), request.PathID(c)))
}

// RemoveProject removes a project and its tasks.
func RemoveProject(tx *gorm.DB, who *account.Identity, id int64) error {
	project, err := request.Take[models.Project](models.Locked(tx), id)
	if err != nil {
		return err
	}
	attached, err := filesOf(tx, tx.Model(&models.Task{}).Select("id").Where("project_id = ?", project.ID))
	if err != nil {
		return err
	}
	if err := tx.Delete(&project).Error; err != nil {
		return err
	}
	if err := files.Remove(tx, attached...); err != nil {
		return err
	}
	return account.RecordDeleted(tx, who, projectSubject(project))
}
