package app

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"
)

// readOrigins reads the configured origins, exactly as browsers write them: no
// wildcard, and no "null", which any page can make itself.
func (c Config) readOrigins(s *settings) error {
	for _, origin := range c.CORSOrigins {
		u, err := url.Parse(origin)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" ||
			strings.Contains(origin, "*") || origin != strings.ToLower(u.Scheme+"://"+u.Host) {
			return &SettingError{"cors-origins", redact(origin), "exact origins in lower case with commas between, such as https://tools.example.com,http://localhost:3000"}
		}
	}
	s.origins = c.CORSOrigins
	return nil
}

// shareWith lets pages of the origins call the API below it and read its
// replies, and answers the question that browsers ask first (Fetch, CORS
// protocol). It allows no credentials: such pages send a bearer token, and a
// cookie is worth nothing there. It goes below Resolve, so that hosts without
// a tenant look alike.
func shareWith(origins []string) gin.HandlerFunc {
	return func(c *gin.Context) {
		if len(origins) == 0 || !strings.HasPrefix(c.Request.URL.Path, "/api/") {
			return
		}
		c.Writer.Header().Add("Vary", "Origin")
		origin := c.GetHeader("Origin")
		if !slices.Contains(origins, origin) {
			return
		}
		c.Header("Access-Control-Allow-Origin", origin)
		c.Header("Access-Control-Expose-Headers", "Location, Retry-After, X-Request-ID")
		if c.Request.Method == http.MethodOptions && c.GetHeader("Access-Control-Request-Method") != "" {
			c.Header("Access-Control-Allow-Methods", "GET, HEAD, POST, PATCH, DELETE")
			c.Header("Access-Control-Allow-Headers", "Authorization, Content-Type")
			c.Header("Access-Control-Max-Age", "600")
			c.AbortWithStatus(http.StatusNoContent)
		}
	}
}
