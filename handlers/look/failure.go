package look

import (
	"net/http"

	"tenantry/tenants/web"

	"github.com/gin-gonic/gin"
)

// Failure describes a failed request that has no page of its own.
type Failure struct {
	web.Problem
	// Advice is what to do about it.
	Advice string
	// Link and To are where to go; without Link there is nowhere.
	Link, To string
	// Apart has the link open a tab of its own, so that the page stays as it is.
	Apart bool
	// Kept is what was typed; nil where nothing was, or where it can't be shown.
	Kept *Kept
}

// ShowFailure answers with a failure. htmx gets the message alone, for the region
// with the id "alert": the page that it belongs to stays, and what was typed is
// still there. Everybody else gets a page, in which what was typed can be sent
// again. frame puts the failure into what surrounds it.
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
