package look

import (
	"bytes"
	"embed"
	"html/template"
	"io/fs"
	"maps"
	"net/http"
	"strings"
	"sync"

	"github.com/gin-gonic/gin"
)

//go:embed templates/*
var formFiles embed.FS

// Templates are pages by name, each with the frame around it. They are safe for
// concurrent use.
type Templates struct {
	pages   map[string]*template.Template
	buffers *sync.Pool // of *bytes.Buffer, for pages as they are made
}

// LoadTemplates parses the templates of a folder, a page each. Those in parts
// are parts of every page, and so are forms; one of them defines "frame". The
// folder more holds further pages; it may be nil, and a page there replaces one of
// the same name. LoadTemplates panics for templates that are broken.
func LoadTemplates(files fs.FS, a Assets, functions template.FuncMap, more fs.FS) Templates {
	all := template.FuncMap{"asset": a.url}
	maps.Copy(all, functions)
	base := template.Must(template.New("").Funcs(all).ParseFS(formFiles, "templates/*.html"))
	base = template.Must(base.ParseFS(files, "parts/*.html"))
	t := Templates{map[string]*template.Template{}, &sync.Pool{New: func() any { return new(bytes.Buffer) }}}
	t.addPages(base, files)
	if more != nil {
		t.addPages(base, more)
	}
	return t
}

// addPages parses the pages of a folder.
func (t Templates) addPages(base *template.Template, files fs.FS) {
	names, err := fs.Glob(files, "*.html")
	if err != nil {
		panic(err) // the pattern is constant
	}
	for _, name := range names {
		page := template.Must(template.Must(base.Clone()).ParseFS(files, name))
		t.pages[strings.TrimSuffix(name, ".html")] = page
	}
}

// keepPage is the largest buffer that is kept for the next page.
const keepPage = 256 << 10

const htmlType = "text/html; charset=utf-8"

// Show answers with a page. Where htmx posted a form, the address stays what it
// was: that of the form shows no page.
func (t Templates) Show(c *gin.Context, status int, page string, frame any) {
	text := t.buffers.Get().(*bytes.Buffer)
	text.Reset()
	if err := t.pages[page].ExecuteTemplate(text, "frame", frame); err != nil {
		panic(err) // the program gave what the template doesn't take
	}
	if Posts(c) && IsHTMX(c) {
		c.Header("HX-Push-Url", "false")
	}
	c.Data(status, htmlType, text.Bytes())
	if text.Cap() <= keepPage {
		t.buffers.Put(text) // writers keep nothing of what they are given
	}
}

// Part renders a part of a page alone.
func (t Templates) Part(page, name string, data any) string {
	var text strings.Builder
	if err := t.pages[page].ExecuteTemplate(&text, name, data); err != nil {
		panic(err) // as in Show
	}
	return text.String()
}

// SeeOther sends the browser to a page that shows what was done.
func SeeOther(c *gin.Context, path string) error {
	c.Redirect(http.StatusSeeOther, path)
	return nil
}

// Enter redirects to a page that the browser loads in full, because the person
// who is signed in has changed.
func Enter(c *gin.Context, path string) error {
	if !IsHTMX(c) {
		return SeeOther(c, path)
	}
	c.Header("HX-Redirect", path)
	c.Status(http.StatusNoContent)
	return nil
}
