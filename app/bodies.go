package app

import (
	"errors"
	"io"
	"net/http"
	"time"
)

// How long a client may take. None of them holds a scope, a handle or a lock
// meanwhile: bodies are read before a scope begins, and replies are sent after
// it is over.
const (
	// readHeaderTimeout is for a request's head.
	readHeaderTimeout = 10 * time.Second
	// bodyPatience is for a request's body, and bodyRate, in bytes a second, adds
	// to it as the body arrives: the largest one may take three minutes.
	bodyPatience = 10 * time.Second
	bodyRate     = 64 << 10
	// replyPatience and replyRate are the same for a client that reads its reply.
	replyPatience = 10 * time.Second
	replyRate     = 64 << 10
	// idleTimeout is how long a connection is kept between two requests.
	idleTimeout = 2 * time.Minute
	// lingerTimeout is how long a refused body may still arrive, and is thrown
	// away: a connection that is closed on a client that sends may lose the reply.
	lingerTimeout = 2 * time.Second
)

// watchBodies bounds the time that a request's body may take. A reply that
// doesn't need the body is sent at once, and the connection is closed; net/http
// would first wait for the body.
func watchBodies(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body == nil || r.Body == http.NoBody {
			next.ServeHTTP(w, r)
			return
		}
		body := &watchedBody{ReadCloser: r.Body, conn: http.NewResponseController(w), begun: time.Now()}
		r.Body = body
		next.ServeHTTP(&earlyWriter{ResponseWriter: w, body: body}, r)
	})
}

// watchedBody is a request's body that must arrive in time. Its reads fail with
// os.ErrDeadlineExceeded when it doesn't.
type watchedBody struct {
	io.ReadCloser
	conn  *http.ResponseController
	begun time.Time
	size  int64 // what has arrived
	ended bool  // all of it has
}

// Read waits as long as the body may take.
func (b *watchedBody) Read(p []byte) (int, error) {
	b.until(b.begun.Add(bodyPatience + time.Duration(b.size)*time.Second/bodyRate))
	n, err := b.ReadCloser.Read(p)
	b.size += int64(n)
	if errors.Is(err, io.EOF) && !b.ended {
		b.ended = true
		b.until(time.Time{}) // what the server reads next is not the body's
	}
	return n, err
}

// until sets the read deadline. Connections of tests may not support one.
func (b *watchedBody) until(end time.Time) { _ = b.conn.SetReadDeadline(end) }

// earlyWriter closes the connection when it answers before the body has
// arrived.
type earlyWriter struct {
	http.ResponseWriter
	body    *watchedBody
	settled bool
}

// WriteHeader sends the header.
func (w *earlyWriter) WriteHeader(code int) {
	if code >= http.StatusOK && !w.settled {
		w.settled = true
		if !w.body.ended {
			w.Header().Set("Connection", "close")
			w.body.until(time.Now().Add(lingerTimeout))
		}
	}
	w.ResponseWriter.WriteHeader(code)
}

// Write sends part of the reply.
func (w *earlyWriter) Write(data []byte) (int, error) {
	if !w.settled {
		w.WriteHeader(http.StatusOK)
	}
	return w.ResponseWriter.Write(data)
}

// Flush sends what was written.
func (w *earlyWriter) Flush() {
	if !w.settled {
		w.WriteHeader(http.StatusOK)
	}
	_ = http.NewResponseController(w.ResponseWriter).Flush()
}

// Unwrap is for http.ResponseController.
func (w *earlyWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
