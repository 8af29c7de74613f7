package command

import (
	"net/http"
	"strings"
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
		s.options = app.Options{Program: "note-book", Schema: notes.Schema(), Routes: func(p *app.Public) {
			p.GET("/folders", p.Resolve, p.Requests.Scoped(web.ScopeOptions{}), request.Do(listFolders))
		}}
		s.commands = []any{&folderCommands{}}
		s.environ = strings.Split(strings.ReplaceAll(strings.Join(s.environ, "\n"), "TENANTRY_", "NOTE_BOOK_"), "\n")
		s.must(t, "tenant", "create", "acme")
		srv := s.serve(t)
		if got := s.must(t, "folder", "acme", "Ideas"); got != "made Ideas\n" {
			t.Errorf("the command wrote %q", got)
		}
		if r := srv.as(t, "", "GET", "acme", "/folders", ""); r.status != http.StatusOK || r.body != `["Ideas"]` {
			t.Errorf("%d %s", r.status, r.body)
		}
		if r := srv.operate(t, "GET", "/metrics", ""); !strings.Contains(r.body, "\nnote_book_handles_open ") || strings.Contains(r.body, "tenantry_") {
			t.Errorf("%d %s", r.status, r.body)
		}
		s.wantOwnNames(t)
		for _, path := range []string{"/api/projects", "/"} { // the work tracker's
			if r := srv.as(t, "", "GET", "acme", path, ""); r.status != http.StatusNotFound {
				t.Errorf("%s: %d %s", path, r.status, r.body)
			}
		}
	})
}

// wantOwnNames has the command line call the program and its settings by their names.
func (s site) wantOwnNames(t *testing.T) {
	t.Helper()
	if r := s.run(t, "tenant", "show", "nobody"); !strings.HasPrefix(r.stderr, "note-book: ") || !strings.Contains(r.stderr, "note-book tenant list") {
		t.Errorf("%q", r.stderr)
	}
	s.environ = append([]string{"NOTE_BOOK_ADDR=x", "NOTE_BOOK_ADR=y", "TENANTRY_DURABILITY=z"}, s.environ...)
	r := s.run(t, "tenant", "list")
	if r.status != exitUsage || !strings.Contains(r.stderr, "NOTE_BOOK_ADDR (--addr)") || !strings.Contains(r.stderr, "NOTE_BOOK_ADR is not a setting") || strings.Contains(r.stderr, "DURABILITY") {
		t.Errorf("%d %q", r.status, r.stderr)
	}
	for _, args := range [][]string{{"--help"}, {"tenant", "create", "--help"}} {
		if help := s.must(t, args...); strings.Contains(help, "TENANTRY_") || strings.Contains(help, "tenantry tenant") || !strings.Contains(help, "note-book") {
			t.Errorf("%q", help)
		}
	}
}
