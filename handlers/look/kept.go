package look

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"tenantry/handlers/request"

	"github.com/gin-gonic/gin"
)

// Kept is what was typed into a form that was refused, to be shown and sent again.
type Kept struct {
	Action string
	Fields []Field
	// Final means that it should not be sent again unchecked, because it may have
	// been stored.
	Final bool
}

// Shown reports whether any of it was typed rather than chosen.
func (k *Kept) Shown() bool {
	return slices.ContainsFunc(k.Fields, func(f Field) bool { return !f.Hidden() })
}

// kept returns what was posted, without secrets. It returns nil if that isn't
// known, or if the form may come from another site.
func kept(c *gin.Context) *Kept {
	if !Posts(c) || http.NewCrossOriginProtection().Check(c.Request) != nil {
		return nil
	}
	posted := remembered(c)
	k := &Kept{Action: c.Request.URL.RequestURI()}
	for _, name := range slices.Sorted(maps.Keys(posted)) {
		if !strings.Contains(name, "password") { // has to be typed again
			k.Fields = append(k.Fields, keptField(name, posted.Get(name)))
		}
	}
	if len(k.Fields) == 0 || posted.Has("token") {
		return nil // the form as a whole is a secret
	}
	return k
}

// keptField returns a field with its value. Values that people choose instead of
// typing are hidden, and sent again.
func keptField(name, value string) Field {
	f := Field{ID: "kept-" + name, Name: name, Value: value, Kind: "hidden", Label: labelOf(name)}
	switch name {
	case "title", "name", "email", "due_on", "subdomain", "host", "admin_email":
		f.Kind = "text"
	case "body", "description", "text":
		f.Kind = "textarea"
	}
	return f
}

// labelOf returns the name of a field in words.
func labelOf(name string) string {
	words := strings.ReplaceAll(name, "_", " ")
	return strings.ToUpper(words[:1]) + words[1:]
}

const (
	// maxKept is the largest form that is read only to be shown again, in bytes.
	maxKept = 64 << 10
	// keepWithin is the time to wait for the rest of the form.
	keepWithin = time.Second
)

// remembered returns what was posted. If the request failed before its form was
// read, remembered reads it now if it is small and arrives soon.
func remembered(c *gin.Context) url.Values {
	if posted, ok := request.KeptForm(c); ok {
		return posted
	}
	r := c.Request
	if r.Body == nil || r.ContentLength <= 0 || r.ContentLength > maxKept {
		return nil
	}
	_ = http.NewResponseController(c.Writer).SetReadDeadline(time.Now().Add(keepWithin)) // tests have no connection
	r.Body = http.MaxBytesReader(c.Writer, r.Body, maxKept)
	if r.ParseMultipartForm(maxKept) != nil && r.PostForm == nil {
		return nil
	}
	return r.PostForm
}
