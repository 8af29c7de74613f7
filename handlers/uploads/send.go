package uploads

import (
	"fmt"
	"maps"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"tenantry/handlers/problem"
	"tenantry/tenants/files"
	"tenantry/tenants/web"
)

// Send returns a handler that sends a file for saving. find returns the file's name and row in a scope that is over before the
// file is sent, or the part of it that a Range asks for. It goes below Accounts.Identify.
func (s Service) Send(find func(c *gin.Context, tx *gorm.DB) (name string, row files.Row, err error)) func(*gin.Context) error {
	return func(c *gin.Context) error {
		var name string
		var row files.Row
		err := s.Store.View(c.Request.Context(), web.From(c), func(tx *gorm.DB) (err error) {
			name, row, err = find(c, tx)
			return err
		})
		if err != nil {
			return err
		}
		return s.send(c, name, row)
	}
}

func (s Service) send(c *gin.Context, name string, row files.Row) error {
	content := s.Files.Open(c.Request.Context(), web.From(c), row)
	defer content.Close()
	out := &sender{ResponseWriter: c.Writer, content: content, size: row.Size, header: http.Header{
		"Content-Type":            {sentAs(row.Type)},
		"Content-Disposition":     {mime.FormatMediaType("attachment", map[string]string{"filename": name})},
		"Content-Security-Policy": {"default-src 'none'; sandbox"},
		"X-Content-Type-Options":  {"nosniff"},
		"Cache-Control":           {"private, no-store"},
		"Etag":                    {`"` + row.SHA256 + `"`},
	}}
	asked := c.GetHeader("Range")
	if c.Request.Method != http.MethodGet || !strings.HasPrefix(asked, "bytes=") || strings.Contains(asked, ",") {
		c.Request.Header.Del("Range") // as a range that isn't understood; each of several parts would be a download of its own
	}
	http.ServeContent(out, c.Request, "", time.Time{}, content)
	return out.err
}

// sender is where http.ServeContent writes. It finds the content before the reply begins, so that what fails is answered as
// other requests are.
type sender struct {
	http.ResponseWriter
	header  http.Header // of the reply, if the content is found
	content *files.Content
	size    int64 // of the content
	err     error // in place of the reply
}

// Header returns the headers with which the content is sent.
func (s *sender) Header() http.Header { return s.header }

// WriteHeader begins the reply, unless there is an error.
func (s *sender) WriteHeader(status int) {
	switch status {
	case http.StatusOK, http.StatusPartialContent:
		s.err = s.content.Start()
	case http.StatusRequestedRangeNotSatisfiable:
		s.ResponseWriter.Header().Set("Content-Range", fmt.Sprintf("bytes */%d", s.size))
		s.err = problem.ErrRange
	}
	if s.err != nil {
		return
	}
	maps.Copy(s.ResponseWriter.Header(), s.header)
	s.ResponseWriter.WriteHeader(status)
}

// Write writes a part of the content.
func (s *sender) Write(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	return s.ResponseWriter.Write(p)
}

// sentAs returns the media type with which a file is sent, which no browser runs.
func sentAs(mediaType string) string {
	switch mediaType {
	case "image/png", "image/jpeg", "image/gif", "image/webp", "application/pdf", "application/zip", "text/plain", "text/csv", "application/json":
		return mediaType
	}
	return "application/octet-stream"
}
