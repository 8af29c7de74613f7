package handlers

import (
	"net/http"
	"strconv"
	"strings"

	"tenantry/tenants/web"

	"github.com/gin-gonic/gin"
)

type errorPageKey struct{}

// SetErrorPage has show answer what fails in the request, where the client asks
// for a page.
func SetErrorPage(c *gin.Context, show func(c *gin.Context, p web.Problem)) {
	c.Set(errorPageKey{}, show)
}

func errorPage(c *gin.Context) (show func(c *gin.Context, p web.Problem), ok bool) {
	value, _ := c.Get(errorPageKey{})
	show, ok = value.(func(c *gin.Context, p web.Problem))
	return show, ok
}

// WantsPage tells whether the client would rather have a page than JSON, as
// browsers say it: text/html is named in Accept, and nothing of JSON is
// preferred to it. htmx, which names nothing, wants pages. Of the API everybody
// wants JSON.
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
		case isJSON(name):
			program = max(program, quality)
		}
	}
	return page > 0 && page >= program
}

// mediaRange is a part of Accept in lower case, and how much it is wanted.
func mediaRange(part string) (name string, quality float64) {
	name, params, _ := strings.Cut(strings.ToLower(part), ";")
	quality = 1
	for param := range strings.SplitSeq(params, ";") {
		if text, ok := strings.CutPrefix(strings.TrimSpace(param), "q="); ok {
			quality, _ = strconv.ParseFloat(text, 64) // what is no number is not wanted
		}
	}
	return strings.TrimSpace(name), quality
}
