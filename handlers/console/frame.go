package console

import (
	"fmt"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"tenantry/handlers/operator"
	"tenantry/tenants/operators"
)

// frame is the data of a page and what surrounds it.
type frame struct {
	Title string
	// Here is the path of the page's part of the console.
	Here string
	// By is the operator who is signed in, or empty.
	By string
	// Role is what they may do, and Owner reports whether that is all.
	Role  operators.Role
	Owner bool
	// Now is the time of the page.
	Now  time.Time
	Body any
}

// show answers with a page.
func (s *Console) show(c *gin.Context, status int, page, title, here string, body any) {
	s.templates.Show(c, status, page, s.frameOf(c, title, here, body))
}

// frameOf returns the frame of a request's page.
func (s *Console) frameOf(c *gin.Context, title, here string, body any) frame {
	one, _ := s.current(c)
	role := operator.Current(c).Role
	return frame{Title: title, Here: here, By: string(one.by), Role: role, Owner: role == operators.Owner, Now: s.o.Now().UTC(), Body: body}
}

// number formats a whole number with commas, as in 12,345.
func number(n any) string {
	digits := fmt.Sprint(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// byteSize formats a size, as in 1.4 MB.
func byteSize(n int64) string {
	size, unit := float64(n), "bytes"
	for _, next := range []string{"kB", "MB", "GB", "TB"} {
		if size < 1000 {
			break
		}
		size, unit = size/1000, next
	}
	if unit == "bytes" {
		return number(n) + " bytes"
	}
	return precise(size) + " " + unit
}

// precise formats a number with about two significant digits.
func precise(n float64) string {
	if n < 9.95 {
		return strconv.FormatFloat(n, 'f', 1, 64)
	}
	return strconv.FormatFloat(n, 'f', 0, 64)
}

// took formats a duration, as in 12 ms.
func took(d time.Duration) string {
	switch {
	case d <= 0:
		return "–"
	case d < 50*time.Microsecond:
		return "< 0.1 ms"
	case d < time.Second:
		return precise(float64(d.Microseconds())/1000) + " ms"
	}
	return precise(d.Seconds()) + " s"
}

// at formats a time in UTC.
func at(t any) string {
	switch t := t.(type) {
	case time.Time:
		return t.UTC().Format("2006-01-02 15:04:05")
	case *time.Time:
		if t != nil {
			return t.UTC().Format("2006-01-02 15:04:05")
		}
	}
	return ""
}
