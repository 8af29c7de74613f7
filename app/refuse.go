package app

import (
	"context"
	"encoding/json"
	"net"
	"net/http"

	"tenantry/tenants/web"
)

type clientKey struct{}

// knowClient is the http.Server.ConnContext hook.
func knowClient(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, clientKey{}, conn)
}

// refuseSurplus answers clients that the door has no place for with 503, and
// doesn't run requests of clients that the door has disconnected.
func refuseSurplus(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, ok := r.Context().Value(clientKey{}).(*client)
		switch {
		case !ok:
		case c.refused != "":
			setRetryAfter(w, c.refused)
			return
		case !c.door.received(c):
			panic(http.ErrAbortHandler)
		}
		next.ServeHTTP(w, r)
	})
}

func setRetryAfter(w http.ResponseWriter, detail string) {
	body, err := json.Marshal(web.Problem{
		Type: web.ProblemType + "busy", Title: "Too busy", Status: http.StatusServiceUnavailable, Detail: detail,
	})
	if err != nil {
		panic(err) // strings and a number
	}
	header := w.Header()
	header.Set("Content-Type", "application/problem+json")
	header.Set("Cache-Control", "no-store")
	header.Set("Retry-After", "1")
	header.Set("Connection", "close")
	w.WriteHeader(http.StatusServiceUnavailable)
	_, _ = w.Write(body) // a client that has gone can't be told
}
