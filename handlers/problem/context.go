package problem

import "github.com/gin-gonic/gin"

type requestIDKey struct{}

// SetRequestID gives the request its id, for RequestID.
func SetRequestID(c *gin.Context, id string) { c.Set(requestIDKey{}, id) }

// RequestID returns the id that the request was given, or "".
func RequestID(c *gin.Context) string {
	value, _ := c.Get(requestIDKey{})
	id, _ := value.(string)
	return id
}
