package command

import (
	"net/http"
	"testing"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"tenantry/app"
	"tenantry/handlers/request"
	"tenantry/tenants/tenantstest/notes"
	"tenantry/tenants/web"
)

// folderCommands are the commands of an application that keeps notes.
type folderCommands struct {
	Folder folderCommand `cmd:"" help:"Make a folder."`
}

type folderCommand struct {
	Subdomain string `arg:"" help:"The tenant's subdomain."`
	Name      string `arg:"" help:"The folder's name."`
}

// Run makes the folder.
func (f *folderCommand) Run(c *Call) error {
	return c.With(func(a *app.App) error {
		t, err := a.Manager().Get(c.Context(), f.Subdomain)
		if err != nil {
			return err
		}
		err = a.Store().Update(c.Context(), t, func(tx *gorm.DB) error {
			return tx.Create(&notes.Folder{Name: f.Name}).Error
		})
		if err != nil {
			return err
		}
		return c.Out().Line("made %s", f.Name)
	})
}

// listFolders answers with the tenant's folders.
func listFolders(c *gin.Context, tx *gorm.DB) error {
	var names []string
	if err := tx.Model(&notes.Folder{}).Order("name").Pluck("name", &names).Error; err != nil {
		return err
	}
	c.JSON(http.StatusOK, names)
	return nil
}

// TestAnotherApplication brings a schema, a route and a command of its own.
func TestAnotherApplication(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s site) {
		s.options = app.Options{Schema: notes.Schema(), Routes: func(p *app.Public) {
			p.GET("/folders", p.Resolve, p.Requests.Scoped(web.ScopeOptions{}), request.Do(listFolders))
		}}
		s.commands = []any{&folderCommands{}}
		s.must(t, "tenant", "create", "acme")
		srv := s.serve(t)
		if got := s.must(t, "folder", "acme", "Ideas"); got != "made Ideas\n" {
			t.Errorf("the command wrote %q", got)
		}
		if r := srv.as(t, "", "GET", "acme", "/folders", ""); r.status != http.StatusOK || r.body != `["Ideas"]` {
			t.Errorf("%d %s", r.status, r.body)
		}
		for _, path := range []string{"/api/projects", "/"} { // the work tracker's
			if r := srv.as(t, "", "GET", "acme", path, ""); r.status != http.StatusNotFound {
				t.Errorf("%s: %d %s", path, r.status, r.body)
			}
		}
	})
}
