package look

import (
	"bytes"
	"embed"
	"html/template"
	"io/fs"
	"maps"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"
)

//go:embed templates/*
var formFiles embed.FS

// Templates are pages by name, each with the frame around it. They are safe for
// concurrent use.
type Templates map[string]*template.Template

// LoadTemplates parses the templates of a folder, a page each. Those in parts
// are parts of every page, and so are forms; one of them defines "frame". It
// panics for templates that are broken.
func LoadTemplates(files fs.FS, a Assets, functions template.FuncMap) Templates {
	all := template.FuncMap{"asset": a.url}
	maps.Copy(all, functions)
	base := template.Must(template.New("").Funcs(all).ParseFS(formFiles, "templates/*.html"))
	base = template.Must(base.ParseFS(files, "parts/*.html"))
	names, err := fs.Glob(files, "*.html")
	if err != nil {
		panic(err) // the pattern is constant
	}
	pages := Templates{}
	for _, name := range names {
		page := template.Must(template.Must(base.Clone()).ParseFS(files, name))
		pages[strings.TrimSuffix(name, ".html")] = page
	}
	return pages
}

// Show answers with a page.
func (t Templates) Show(c *gin.Context, status int, page string, frame any) {
	var text bytes.Buffer
	if err := t[page].ExecuteTemplate(&text, "frame", frame); err != nil {
		panic(err) // the program gave what the template doesn't take
	}
	c.Data(status, "text/html; charset=utf-8", text.Bytes())
}

// Part renders a part of a page alone.
func (t Templates) Part(page, name string, data any) string {
	var text strings.Builder
	if err := t[page].ExecuteTemplate(&text, name, data); err != nil {
		panic(err) // as in Show
	}
	return text.String()
}

// SeeOther sends the browser to a page that shows what was done.
func SeeOther(c *gin.Context, path string) error {
	c.Redirect(http.StatusSeeOther, path)
	return nil
}
