package web

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"

	"github.com/gin-gonic/gin"

	"tenantry/tenants"
)

// The memory for buffered request bodies, in bytes. A body uses memory from its first byte
// until its request has ended.
const (
	// bodyMemory bounds the bodies that Scoped reads, for all tenants together.
	bodyMemory = 64 << 20
	// tenantBodyMemory bounds the bodies of one tenant, so that its clients can't use all the
	// memory.
	tenantBodyMemory = bodyMemory / 2
	// strangerBodyMemory bounds the bodies that Buffered reads, whose senders are not
	// authenticated.
	strangerBodyMemory = 4 << 20
)

// Buffered returns a handler that reads the request's body of at most limit bytes into memory,
// for handlers outside of Scoped that anybody may call. All such bodies together use at most 4
// MiB. A body that doesn't fit fails with ErrTooManyBodies. A request of a tenant counts as one
// against its limit of requests a second, once, even if Scoped comes later.
func (m *Middleware) Buffered(limit int64) gin.HandlerFunc {
	return func(c *gin.Context) {
		if !m.admit(c) {
			return
		}
		body, err := readBody(c, &m.strangers, "", limit)
		if err != nil {
			m.refuse(c, err)
			return
		}
		defer body.release()
		c.Next()
	}
}

// Admit returns a handler that counts a request against the tenant's limit of requests a second, for routes that read their
// body or answer outside of Scoped and Buffered. A request counts once, even if those come later.
func (m *Middleware) Admit() gin.HandlerFunc { return func(c *gin.Context) { m.admit(c) } }

// bodies is a budget of memory for request bodies. It is safe for concurrent use.
type bodies struct {
	limit, share int64 // of all together, and of those with the same owner

	mu     sync.Mutex // guards what follows
	used   int64
	owners map[string]int64 // what each owner uses, if anything
}

// take reserves n bytes for the owner. It reserves nothing and returns false if they don't fit.
func (b *bodies) take(owner string, n int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.used+n > b.limit || b.owners[owner]+n > b.share {
		return false
	}
	if b.owners == nil {
		b.owners = map[string]int64{}
	}
	b.used += n
	b.owners[owner] += n
	return true
}

// give releases n bytes.
func (b *bodies) give(owner string, n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used -= n
	if b.owners[owner] -= n; b.owners[owner] == 0 {
		delete(b.owners, owner)
	}
}

// bufferedBody is a request's body in memory. The zero value is an empty body.
type bufferedBody struct {
	budget *bodies
	owner  string
	data   []byte
}

// readBody reads the body of a tenant's request, for Scoped. Returns ErrTenantBody if the body exceeds the tenant's
// limit, and that is lower than most.
func (m *Middleware) readBody(c *gin.Context, most int64) (bufferedBody, error) {
	t := From(c)
	own := m.store.Limits(t).Body
	if own == 0 || own >= most {
		return readBody(c, &m.bodies, t.ID, most)
	}
	body, err := readBody(c, &m.bodies, t.ID, own)
	if errors.Is(err, ErrBodyTooLarge) {
		m.store.CountRefusal(tenants.LimitBody)
		err = fmt.Errorf("%w: %w", ErrTenantBody, err)
	}
	return body, err
}

// readBody replaces the request's body with a copy in memory. The caller must release it when
// the request has ended. Returns ErrBodyTooLarge if the body exceeds the limit by even one
// byte.
func readBody(c *gin.Context, budget *bodies, owner string, limit int64) (bufferedBody, error) {
	request, body := c.Request, bufferedBody{budget: budget, owner: owner}
	if request.Body == nil || request.Body == http.NoBody {
		return body, nil
	}
	if request.ContentLength > limit {
		return body, fmt.Errorf("%w: %d bytes of at most %d", ErrBodyTooLarge, request.ContentLength, limit)
	}
	if err := body.read(request.Body, limit); err != nil {
		body.release()
		return bufferedBody{}, err
	}
	request.Body = io.NopCloser(bytes.NewReader(body.data))
	return body, nil
}

// read reads r to its end.
func (b *bufferedBody) read(r io.Reader, limit int64) error {
	for {
		if len(b.data) == cap(b.data) {
			if err := b.grow(limit); err != nil {
				return err
			}
		}
		n, err := r.Read(b.data[len(b.data):cap(b.data)])
		b.data = b.data[:len(b.data)+n]
		switch {
		case int64(len(b.data)) > limit:
			return fmt.Errorf("%w: more than %d bytes", ErrBodyTooLarge, limit)
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return BodyError(err)
		}
	}
}

// firstBuffer is the initial size of a body's buffer, in bytes. Most bodies are shorter.
const firstBuffer = 512

// grow makes room for more, up to one byte over the limit. The buffer's size follows the bytes
// received, not the announced length.
func (b *bufferedBody) grow(limit int64) error {
	size := min(max(firstBuffer, 2*int64(cap(b.data))), limit+1)
	if !b.budget.take(b.owner, size-int64(cap(b.data))) {
		return fmt.Errorf("%w: no room for %d bytes more", ErrTooManyBodies, size-int64(cap(b.data)))
	}
	data := make([]byte, len(b.data), size)
	copy(data, b.data)
	b.data = data
	return nil
}

// release gives the memory back to the budget.
func (b *bufferedBody) release() {
	if cap(b.data) > 0 {
		b.budget.give(b.owner, int64(cap(b.data)))
		b.data = nil
	}
}

// BodyError translates an error of reading a body. It returns an error that matches
// ErrBodyTooLarge, ErrBodyTooSlow or ErrBodyUnreadable, and err.
func BodyError(err error) error {
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return fmt.Errorf("%w: more than %d bytes", ErrBodyTooLarge, tooLarge.Limit)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("%w: %w", ErrBodyTooSlow, err)
	}
	return fmt.Errorf("%w: %w", ErrBodyUnreadable, err)
}
