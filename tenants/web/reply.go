package web

import (
	"bufio"
	"bytes"
	"errors"
	"maps"
	"net"
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"
)

// heldReply is a gin.ResponseWriter that keeps header, status and body until
// release, so that nothing reaches the client before the commit (PITFALLS,
// Gin). It is used by one request at a time.
type heldReply struct {
	gin.ResponseWriter // the real one, untouched until release

	header   http.Header
	status   int
	body     bytes.Buffer
	limit    int
	written  bool
	tooLarge bool
	released bool
}

var _ gin.ResponseWriter = (*heldReply)(nil)

// hold returns a reply that holds back what is written to real. The caller must pass it to
// recycle.
func (m *Middleware) hold(real gin.ResponseWriter, limit int) *heldReply {
	h, ok := m.replies.Get().(*heldReply)
	if !ok {
		h = &heldReply{header: http.Header{}}
	}
	h.ResponseWriter, h.limit = real, limit
	h.status = real.Status()
	h.written, h.tooLarge, h.released = false, false, false
	maps.Copy(h.header, real.Header())
	return h
}

// keepBody is the largest buffer that recycle keeps, in bytes. A large page fits in it.
const keepBody = 256 << 10

// recycle makes the reply available to hold. The caller must not use it afterwards.
func (m *Middleware) recycle(h *heldReply) {
	if h.body.Cap() > keepBody {
		return
	}
	h.ResponseWriter = nil
	clear(h.header)
	h.body.Reset()
	m.replies.Put(h)
}

// send is release for a handler that continues afterwards. It flushes the reply to the client.
func (h *heldReply) send() {
	h.written = true
	h.release()
	h.ResponseWriter.Flush()
}

// release sends the held reply. Further calls do nothing.
func (h *heldReply) release() {
	if h.released {
		return
	}
	h.released = true
	real := h.ResponseWriter
	header := real.Header()
	clear(header)
	maps.Copy(header, h.header)
	if h.written && header.Get("Content-Length") == "" && mayHaveBody(h.status) {
		header.Set("Content-Length", strconv.Itoa(h.body.Len()))
	}
	real.WriteHeader(h.status)
	if h.written {
		real.WriteHeaderNow()
		_, _ = real.Write(h.body.Bytes()) // a client that has gone can't be told
	}
}

// mayHaveBody reports whether a reply with the status may have a body. For others, RFC 9110,
// section 8.6 forbids Content-Length.
func mayHaveBody(status int) bool {
	return status >= 200 && status != http.StatusNoContent && status != http.StatusNotModified
}

// Header returns the held header.
func (h *heldReply) Header() http.Header { return h.header }

// WriteHeader sets the status unless the reply has been written. As in Gin, a code of 0 or less
// doesn't change it. An informational status can't be held and is dropped.
func (h *heldReply) WriteHeader(code int) {
	if code >= 200 && !h.written {
		h.status = code
	}
}

// WriteHeaderNow marks the reply as written.
func (h *heldReply) WriteHeaderNow() { h.written = true }

// Write holds data. It returns ErrReplyTooLarge beyond the limit, and the scope fails with the
// same error.
func (h *heldReply) Write(data []byte) (int, error) {
	if !h.admit(len(data)) {
		return 0, ErrReplyTooLarge
	}
	return h.body.Write(data)
}

// WriteString is like Write.
func (h *heldReply) WriteString(s string) (int, error) {
	if !h.admit(len(s)) {
		return 0, ErrReplyTooLarge
	}
	return h.body.WriteString(s)
}

func (h *heldReply) admit(n int) bool {
	h.written = true
	h.tooLarge = h.tooLarge || h.body.Len()+n > h.limit
	return !h.tooLarge
}

// Status returns the held status.
func (h *heldReply) Status() int { return h.status }

// Size returns the number of bytes held, or -1 if nothing was written.
func (h *heldReply) Size() int {
	if !h.written {
		return -1
	}
	return h.body.Len()
}

// Written reports whether the header is settled.
func (h *heldReply) Written() bool { return h.written }

// Flush settles the header and sends nothing, because the reply is held.
func (h *heldReply) Flush() { h.written = true }

// Hijack always fails, because the connection is not available before the commit.
func (h *heldReply) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return nil, nil, errors.New("hijack: the reply is held back until the commit")
}

// Pusher returns nil, because nothing is sent before the commit.
func (h *heldReply) Pusher() http.Pusher { return nil }
