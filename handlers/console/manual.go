package console

import (
	"bytes"
	"errors"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"

	"tenantry/handlers/problem"
)

// chapter is a chapter of the manual.
type chapter struct {
	Topic, Title string
	// Text is empty in lists.
	Text template.HTML
}

// manualPage is the list of chapters, and the chapter that is shown, if any.
type manualPage struct {
	Chapters []chapter
	Chapter  *chapter
}

// manual lists the chapters.
func (s *Console) manual(c *gin.Context) error {
	all, err := s.chapters()
	if err != nil {
		return err
	}
	s.show(c, http.StatusOK, "manual", "Manual", "/manual", manualPage{Chapters: all})
	return nil
}

// manualChapter shows a chapter.
func (s *Console) manualChapter(c *gin.Context) error {
	all, err := s.chapters()
	if err != nil {
		return err
	}
	one, err := s.chapter(c.Param("topic"))
	if err != nil {
		return err
	}
	s.show(c, http.StatusOK, "manual", one.Title, "/manual", manualPage{all, one})
	return nil
}

// chapters returns the chapters in the order of their topics, without their texts.
func (s *Console) chapters() ([]chapter, error) {
	if s.o.Manual == nil {
		return nil, nil
	}
	names, err := fs.Glob(s.o.Manual, "*.md")
	if err != nil {
		return nil, err
	}
	all := make([]chapter, len(names))
	for i, name := range names {
		text, err := fs.ReadFile(s.o.Manual, name)
		if err != nil {
			return nil, err
		}
		all[i].Topic = strings.TrimSuffix(path.Base(name), ".md")
		all[i].Title, _ = cutTitle(text)
	}
	return all, nil
}

// chapter returns a chapter. Its text is the manual's own, and HTML in it is
// left out. Returns problem.ErrNotFound if there is no such topic.
func (s *Console) chapter(topic string) (*chapter, error) {
	if s.o.Manual == nil || !fs.ValidPath(topic+".md") {
		return nil, problem.ErrNotFound
	}
	text, err := fs.ReadFile(s.o.Manual, topic+".md")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, problem.ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	title, rest := cutTitle(text)
	var html bytes.Buffer
	if err := goldmark.New(goldmark.WithExtensions(extension.Table)).Convert(rest, &html); err != nil {
		return nil, err
	}
	return &chapter{topic, title, template.HTML(html.String())}, nil
}

// cutTitle cuts the heading off a chapter.
func cutTitle(text []byte) (title string, rest []byte) {
	first, rest, _ := bytes.Cut(text, []byte("\n"))
	return string(bytes.TrimPrefix(first, []byte("# "))), rest
}
