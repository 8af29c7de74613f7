package pages

import (
	"bytes"
	"embed"
	"html/template"
	"io/fs"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"
)

//go:embed templates
var templateFiles embed.FS

// templates are the pages' by name, each with the frame around it.
type templates map[string]*template.Template

// loadTemplates parses the embedded templates. Those in parts are parts of
// every page.
func loadTemplates(a assets) templates {
	files, err := fs.Sub(templateFiles, "templates")
	if err != nil {
		panic(err) // they are embedded: only a broken build gets here
	}
	base := template.New("").Funcs(template.FuncMap{"asset": a.url})
	base = template.Must(base.ParseFS(files, "parts/*.html"))
	names, err := fs.Glob(files, "*.html")
	if err != nil {
		panic(err)
	}
	all := templates{}
	for _, name := range names {
		page := template.Must(template.Must(base.Clone()).ParseFS(files, name))
		all[strings.TrimSuffix(name, ".html")] = page
	}
	return all
}

// show answers with a page.
func (s *Site) show(c *gin.Context, status int, page string, f frame) {
	var text bytes.Buffer
	if err := s.templates[page].ExecuteTemplate(&text, "frame", f); err != nil {
		panic(err) // the program gave what the template doesn't take
	}
	c.Data(status, "text/html; charset=utf-8", text.Bytes())
}

// part renders a part of a page alone.
func (s *Site) part(page, name string, data any) string {
	var text strings.Builder
	if err := s.templates[page].ExecuteTemplate(&text, name, data); err != nil {
		panic(err) // as in show
	}
	return text.String()
}

// seeOther sends the browser to a page that shows what was done.
func seeOther(c *gin.Context, path string) error {
	c.Redirect(http.StatusSeeOther, path)
	return nil
}
