package app

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/oklog/ulid/v2"

	"tenantry/handlers/operator"
	"tenantry/handlers/problem"
	"tenantry/handlers/request"
	"tenantry/tenants/web"
)

// identify gives the request an id. One that a trusted proxy sends is kept, so
// that its log and this one can be read together.
func identify(trusted []netip.Prefix) gin.HandlerFunc {
	return func(c *gin.Context) {
		id := c.GetHeader("X-Request-ID")
		if !isSaneID(id) || !isFrom(c, trusted) {
			id = strings.ToLower(ulid.Make().String())
		}
		problem.SetRequestID(c, id)
		c.Header("X-Request-ID", id)
	}
}

// isSaneID reports whether an id is safe in a log line and a header.
func isSaneID(id string) bool {
	if id == "" || len(id) > 64 {
		return false
	}
	return strings.Trim(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.") == ""
}

// isFrom reports whether the peer itself, not the client behind it, is in a
// network.
func isFrom(c *gin.Context, networks []netip.Prefix) bool {
	peer, err := netip.ParseAddrPort(c.Request.RemoteAddr)
	return err == nil && within(request.PlainAddress(peer.Addr()), networks)
}

// logAccess writes a line for each request: never its query, headers or body.
// Of many refused requests it logs only the number.
func logAccess(log *slog.Logger, refused *refusals) gin.HandlerFunc {
	return func(c *gin.Context) {
		begin := time.Now()
		defer func() {
			if isRefusal(c) && !refused.admit(request.Network(request.ClientAddress(c)), time.Now()) {
				return
			}
			attrs := []slog.Attr{
				slog.String("method", c.Request.Method),
				slog.String("path", c.Request.URL.Path),
				slog.Int("status", c.Writer.Status()),
				slog.Int("bytes", max(0, c.Writer.Size())),
				slog.Float64("duration_ms", float64(time.Since(begin).Microseconds())/1000),
				slog.String("request_id", problem.RequestID(c)),
				slog.String("remote_ip", request.ClientAddress(c).String()),
			}
			if t, ok := web.Resolved(c); ok {
				attrs = append(attrs, slog.String("tenant", t.Subdomain))
			}
			if who := operator.Current(c); who.Name != "" {
				attrs = append(attrs, slog.String("operator", who.Name))
			}
			log.LogAttrs(c.Request.Context(), slog.LevelInfo, "request", attrs...)
		}()
		c.Next()
	}
}

// recoverPanics turns a panic into a 500 and logs it with its stack. The
// request's headers are not logged: they hold cookies and tokens. A reply that
// has begun is cut off, or the client would take it for whole.
func recoverPanics(log *slog.Logger) gin.HandlerFunc {
	return func(c *gin.Context) {
		defer func() {
			cause := recover()
			if cause == nil {
				return
			}
			if err, ok := cause.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(cause)
			}
			log.ErrorContext(c.Request.Context(), "handler panicked", "panic", fmt.Sprint(cause),
				"request_id", problem.RequestID(c), "stack", string(debug.Stack()))
			c.Abort()
			if c.Writer.Written() {
				panic(http.ErrAbortHandler)
			}
			problem.Write(c, errPanicked)
		}()
		c.Next()
	}
}

var errPanicked = errors.New("handler panicked")

// limitBody bounds what any route reads. Scopes have narrower limits of their own.
func limitBody(most int64) gin.HandlerFunc {
	return func(c *gin.Context) {
		if c.Request.Body != http.NoBody {
			c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, most)
		}
	}
}

// The policies of every reply. Pages take what they need from their own host,
// nothing inline, and no page may frame them.
const (
	contentPolicy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; " +
		"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
	// transportPolicy is for a year, and for this host alone.
	transportPolicy = "max-age=31536000"
)

// harden sets the headers of every reply, which handlers may override. All
// routes have the same, so that hosts without a tenant look alike at each.
// Without any referrer browsers would call a form's origin null (Fetch, "append
// a request Origin header"), and CrossOrigin would refuse it over plain HTTP.
func harden(tls func(c *gin.Context) bool) gin.HandlerFunc {
	return func(c *gin.Context) {
		c.Header("Content-Security-Policy", contentPolicy)
		c.Header("X-Content-Type-Options", "nosniff")
		c.Header("X-Frame-Options", "DENY")
		c.Header("Referrer-Policy", "same-origin")
		c.Header("Cross-Origin-Opener-Policy", "same-origin")
		c.Header("Cross-Origin-Resource-Policy", "same-origin")
		c.Header("Cache-Control", "no-store")
		if tls(c) {
			c.Header("Strict-Transport-Security", transportPolicy)
		}
	}
}

// hideAllow removes gin's Allow header until the host is known to be a
// tenant's: replies on all other hosts must be alike.
func hideAllow(c *gin.Context) {
	allow := c.Writer.Header().Get("Allow")
	c.Writer.Header().Del("Allow")
	c.Set(allowKey{}, allow)
}

// showAllow puts the header back.
func showAllow(c *gin.Context) { c.Header("Allow", c.GetString(allowKey{})) }

type allowKey struct{}

// traceRequests returns the handlers that trace requests, or none if traces aren't
// exported.
func (a *App) traceRequests() []gin.HandlerFunc {
	if a.tracing == nil {
		return nil
	}
	return a.tracing.Requests(a.options.Program, func(c *gin.Context) bool { return isFrom(c, a.settings.proxies) })
}
