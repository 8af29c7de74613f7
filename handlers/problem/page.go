package problem

import (
	"net/http"
	"strconv"
	"strings"

	"tenantry/tenants/web"

	"github.com/gin-gonic/gin"
)

type pageKey struct{}

// SetPage has show answer errors of the request if the client asks for a page.
func SetPage(c *gin.Context, show func(c *gin.Context, p web.Problem)) {
	c.Set(pageKey{}, show)
}

func pageOf(c *gin.Context) (show func(c *gin.Context, p web.Problem), ok bool) {
	value, _ := c.Get(pageKey{})
	show, ok = value.(func(c *gin.Context, p web.Problem))
	return show, ok
}

// WantsPage reports whether the client prefers a page to JSON. Browsers do: they name
// text/html in Accept and prefer no kind of JSON to it. htmx, which names no type, gets
// pages too. Paths under /api are always answered with JSON.
func WantsPage(r *http.Request) bool {
	if r.URL.Path == "/api" || strings.HasPrefix(r.URL.Path, "/api/") {
		return false
	}
	if r.Header.Get("HX-Request") == "true" {
		return true
	}
	var page, program float64
	for _, part := range strings.Split(strings.Join(r.Header.Values("Accept"), ","), ",") {
		name, quality := mediaRange(part)
		switch {
		case name == "text/html":
			page = max(page, quality)
		case name == "application/json", strings.HasPrefix(name, "application/") && strings.HasSuffix(name, "+json"):
			program = max(program, quality)
		}
	}
	return page > 0 && page >= program
}

// mediaRange returns the name of a part of Accept in lower case, and its quality.
func mediaRange(part string) (name string, quality float64) {
	name, params, _ := strings.Cut(strings.ToLower(part), ";")
	quality = 1
	for param := range strings.SplitSeq(params, ";") {
		if text, ok := strings.CutPrefix(strings.TrimSpace(param), "q="); ok {
			quality, _ = strconv.ParseFloat(text, 64) // text that is no number counts as 0
		}
	}
	return strings.TrimSpace(name), quality
}
