package look

import (
	"net/http"

	"tenantry/tenants/web"

	"github.com/gin-gonic/gin"
)

// Failure describes a failed request that has no page of its own.
type Failure struct {
	web.Problem
	// Advice says what to do next.
	Advice string
	// Link is the path to go to, and To its text. Both may be empty.
	Link, To string
	// Apart opens the link in a new tab, so that this page stays open.
	Apart bool
	// Kept is what was typed. It is nil if there was nothing, or nothing that may
	// be shown.
	Kept *Kept
}

// ShowFailure answers with a failure. htmx gets only the message, for the element
// with the id "alert", and the page keeps what was typed. Other clients get a page
// with a form to send it again. frame returns the data of the template "frame"
// around a body.
func (t Templates) ShowFailure(c *gin.Context, f Failure, frame func(body any) any) {
	if !IsHTMX(c) {
		if f.Kept = kept(c); f.Kept != nil {
			f.Kept.Final = f.Type == web.ProblemType+"commit-unknown"
		}
		t.Show(c, f.Status, "error", frame(f))
		return
	}
	c.Header("HX-Retarget", "#alert")
	c.Header("HX-Reselect", "#problem")
	c.Header("HX-Reswap", "innerHTML")
	c.Header("HX-Push-Url", "false")
	c.Data(f.Status, htmlType, []byte(t.Part("error", "problem", f)))
}

// IsHTMX reports whether htmx sent the request and puts the response into the
// current page.
func IsHTMX(c *gin.Context) bool {
	return c.GetHeader("HX-Request") == "true" && c.GetHeader("HX-History-Restore-Request") != "true"
}

// Posts reports whether the request was meant to change something.
func Posts(c *gin.Context) bool {
	return c.Request.Method != http.MethodGet && c.Request.Method != http.MethodHead
}
