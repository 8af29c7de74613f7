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

// Kept is what was typed into a form that was not accepted, to be read and sent
// again.
type Kept struct {
	Action string
	Fields []Field
	// Final says that it must not be sent again without looking: it may be stored.
	Final bool
}

// Shown tells whether any of it was typed, and not chosen.
func (k *Kept) Shown() bool {
	return slices.ContainsFunc(k.Fields, func(f Field) bool { return !f.Hidden() })
}

// kept is what was posted, without what is secret; nil where that isn't known, or
// where the form may come from another site.
func kept(c *gin.Context) *Kept {
	if !Posts(c) || http.NewCrossOriginProtection().Check(c.Request) != nil {
		return nil
	}
	posted := remembered(c)
	k := &Kept{Action: c.Request.URL.RequestURI()}
	for _, name := range slices.Sorted(maps.Keys(posted)) {
		if !strings.Contains(name, "password") { // it must be typed anew
			k.Fields = append(k.Fields, keptField(name, posted.Get(name)))
		}
	}
	if len(k.Fields) == 0 || posted.Has("token") {
		return nil // a form that is a secret as a whole
	}
	return k
}

// keptField is a field with what was typed. What people choose and don't type is
// sent again and not shown.
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

// labelOf is the name of a field in words.
func labelOf(name string) string {
	words := strings.ReplaceAll(name, "_", " ")
	return strings.ToUpper(words[:1]) + words[1:]
}

const (
	// maxKept bounds the form that is read only to be shown again, in bytes.
	maxKept = 64 << 10
	// keepWithin is how long the rest of it is waited for.
	keepWithin = time.Second
)

// remembered is what was posted. A request that failed before its form was read
// has it read now, when it is small and comes at once.
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
