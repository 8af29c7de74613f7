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

// Templates has pages by name, each with the frame around it. It is safe for
// concurrent use.
type Templates struct {
	pages   map[string]*template.Template
	buffers *sync.Pool // of *bytes.Buffer, for rendering pages
}

// LoadTemplates parses the templates in a folder, one for each page. The templates
// in its folder "parts", one of which defines "frame", and those of forms are part
// of every page. The folder more has further pages and replaces those of the same
// name; it may be nil. LoadTemplates panics if a template is invalid.
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

// keepPage is the size of the largest buffer that is used again, in bytes.
const keepPage = 256 << 10

const htmlType = "text/html; charset=utf-8"

// Show answers with a page. If htmx posted a form, the browser's URL stays the
// same, because the form's URL has no page.
func (t Templates) Show(c *gin.Context, status int, page string, frame any) {
	text := t.buffers.Get().(*bytes.Buffer)
	text.Reset()
	if err := t.pages[page].ExecuteTemplate(text, "frame", frame); err != nil {
		panic(err) // the data doesn't fit the template
	}
	if Posts(c) && IsHTMX(c) {
		c.Header("HX-Push-Url", "false")
	}
	c.Data(status, htmlType, text.Bytes())
	if text.Cap() <= keepPage {
		t.buffers.Put(text) // safe: writers may not keep what they are given
	}
}

// Part renders only a part of a page.
func (t Templates) Part(page, name string, data any) string {
	var text strings.Builder
	if err := t.pages[page].ExecuteTemplate(&text, name, data); err != nil {
		panic(err) // as in Show
	}
	return text.String()
}

// SeeOther redirects the browser to a page with the result.
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
