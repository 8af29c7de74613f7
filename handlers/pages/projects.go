package pages

import (
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"tenantry/handlers"
	"tenantry/handlers/account"
	"tenantry/handlers/look"
	"tenantry/handlers/request"
	"tenantry/models"
)

// projectsPage lists projects.
type projectsPage struct {
	Archived bool // those, instead of the others
	Projects []projectCard
	New      *form
	Next     string // the next page's address, empty on the last
}

// projectCard is a project with how far it is.
type projectCard struct {
	ID                int64
	Name, Description string
	Total, Done       int64
	Doing             int64
}

// Open is the number of tasks that are not done.
func (p projectCard) Open() int64 { return p.Total - p.Done }

func projectForm(id, action, submit string) *form {
	return newForm(id, action, submit,
		field{Name: "name", Label: "Name", Required: true, Autocomplete: "off"},
		field{Name: "description", Label: "Description", Kind: "textarea"},
	)
}

func newProjectForm() *form { return projectForm("new-project", "/projects", "Create project") }

// projects lists the projects, or with ?archived=true the archived ones.
func (s *Site) projects(c *gin.Context, tx *gorm.DB) error {
	return s.showProjects(c, tx, http.StatusOK, newProjectForm())
}

func (s *Site) showProjects(c *gin.Context, tx *gorm.DB, status int, f *form) error {
	archived := c.Query("archived") == "true"
	found, err := handlers.FindProjects(tx.Where("archived = ?", archived), request.ReadQuery(c))
	if err != nil {
		return err
	}
	counts, err := s.countTasks(tx, found.Rows)
	if err != nil {
		return err
	}
	page := projectsPage{Archived: archived, New: f}
	for _, p := range found.Rows {
		n := counts[p.ID]
		page.Projects = append(page.Projects, projectCard{p.ID, p.Name, p.Description, n.Total, n.Done, n.Doing})
	}
	if found.Next != nil {
		page.Next = fmt.Sprintf("/?archived=%t&after=%s", archived, *found.Next)
	}
	s.templates.Show(c, status, "projects", s.frameOf(c, "Projects", "/", page))
	return nil
}

// taskCounts counts a project's tasks.
type taskCounts struct{ ProjectID, Total, Doing, Done int64 }

// countTasks counts the tasks of projects, by their ids. Projects whose tasks were counted are not counted again until the
// tenant's database changes.
func (s *Site) countTasks(tx *gorm.DB, projects []models.Project) (map[int64]taskCounts, error) {
	ids := make([]int64, 0, len(projects))
	for _, p := range projects {
		ids = append(ids, p.ID)
	}
	return s.progress.GetAll(tx, ids, func(missing []int64) (map[int64]taskCounts, error) {
		var rows []taskCounts
		err := tx.Model(&models.Task{}).
			Select("project_id, count(*) AS total, sum(CASE status WHEN 'doing' THEN 1 ELSE 0 END) AS doing, sum(CASE status WHEN 'done' THEN 1 ELSE 0 END) AS done").
			Where("project_id IN ?", missing).Group("project_id").Scan(&rows).Error
		counts := make(map[int64]taskCounts, len(rows))
		for _, row := range rows {
			counts[row.ProjectID] = row
		}
		return counts, err
	})
}

// createProject makes a project and shows it.
func (s *Site) createProject(c *gin.Context, tx *gorm.DB) error {
	f := newProjectForm()
	in, err := f.read(c)
	if err != nil {
		return err
	}
	project, err := attempt(tx, func(tx *gorm.DB) (models.Project, error) {
		return handlers.AddProject(tx, account.Current(c), in)
	})
	if status, ok := f.refuse(c, err); ok {
		return s.showProjects(c, tx, status, f)
	}
	if err != nil {
		return err
	}
	return look.SeeOther(c, boardPath(project.ID))
}

// projectPage shows the forms that change a project.
type projectPage struct {
	Project models.Project
	Form    *form
}

// editProject shows what can be changed about a project.
func (s *Site) editProject(c *gin.Context, tx *gorm.DB) error {
	project, err := request.Take[models.Project](tx, request.PathID(c))
	if err != nil {
		return err
	}
	f := projectForm("project", boardPath(project.ID), "Save").values(project.Name, project.Description)
	return s.showProject(c, tx, http.StatusOK, f)
}

func (s *Site) showProject(c *gin.Context, tx *gorm.DB, status int, f *form) error {
	project, err := request.Take[models.Project](tx, request.PathID(c))
	if err != nil {
		return err
	}
	s.templates.Show(c, status, "project", s.frameOf(c, "Edit “"+project.Name+"”", "/", projectPage{project, f}))
	return nil
}

// updateProject changes a project: its words, or whether it is archived.
func (s *Site) updateProject(c *gin.Context, tx *gorm.DB) error {
	f := projectForm("project", c.Request.URL.Path, "Save")
	in, err := f.read(c, "archived")
	if err != nil {
		return err
	}
	if archived := c.PostForm("archived"); archived != "" {
		in = request.NewInput(map[string]any{"archived": archived == "true"})
	}
	_, err = attempt(tx, func(tx *gorm.DB) (models.Project, error) {
		return handlers.ChangeProject(tx, account.Current(c), request.PathID(c), in)
	})
	if status, ok := f.refuse(c, err); ok {
		return s.showProject(c, tx, status, f)
	}
	if err != nil {
		return err
	}
	return look.SeeOther(c, c.Request.URL.Path)
}

// deleteProject removes a project with its tasks.
func (s *Site) deleteProject(c *gin.Context, tx *gorm.DB) error {
	if err := handlers.RemoveProject(tx, account.Current(c), request.PathID(c)); err != nil {
		return err
	}
	return look.SeeOther(c, "/")
}
