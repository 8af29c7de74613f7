package tenants

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"
)

// Resolve maps the request's host to a tenant, for From. Where there is none
// it ends the chain with the error of Lookup on c.Errors and nothing written:
// the application renders it. Only Host counts, no header beside it, and a
// request with an absolute-form URI, whose host Go puts over Host, has none.
func Resolve(store *Store, domain BaseDomain) gin.HandlerFunc {
	return func(c *gin.Context) {
		name, ok := domain.Subdomain(c.Request.Host)
		if !ok {
			name, ok = domain.CustomHost(c.Request.Host)
		}
		if !ok || c.Request.URL.Host != "" {
			abort(c, ErrUnknownTenant)
			return
		}
		t, err := store.Lookup(c.Request.Context(), name)
		if err != nil {
			abort(c, err)
			return
		}
		c.Set(tenantKey{}, t)
	}
}

// ScopeOptions bound what a request in a scope may take.
type ScopeOptions struct {
	// MaxBody bounds the request's body, in bytes; 0 means 1 MiB.
	MaxBody int64
	// MaxReply bounds the reply, in bytes; 0 means 16 MiB.
	MaxReply int
	// Timeout bounds the scope, the wait for a handle included; 0 means 30 seconds.
	Timeout time.Duration
	// RequestID tells the request's id, for the log of slow statements; nil tells
	// none.
	RequestID func(c *gin.Context) string
	// Deletes says that the routes delete, whatever their method: see WithReserve.
	// Those of DELETE do anyway.
	Deletes bool
}

func (o ScopeOptions) withDefaults() ScopeOptions {
	if o.MaxBody == 0 {
		o.MaxBody = 1 << 20
	}
	if o.MaxReply == 0 {
		o.MaxReply = 16 << 20
	}
	if o.Timeout == 0 {
		o.Timeout = 30 * time.Second
	}
	return o
}

// Scoped runs the rest of the chain in a scope on the request's tenant, for
// Tx: GET, HEAD and OPTIONS in View, the rest in Update. The body is read
// before the scope begins, so that a slow upload holds no lock; a body for which
// there is no memory is ErrTooManyBodies. The application looks at who sent the
// request before, or strangers take that memory. The reply is held back until
// the commit. The scope is rolled back when the chain records
// an error on c.Errors, answers with a status of 400 or more, panics, or when
// the request is cancelled or a statement failed.
//
// A reply of the chain's own with a status of 400 or more is sent as it is.
// For every other failure nothing is written and the error is on c.Errors, to
// be rendered by the application. Routes that stream stay outside of Scoped
// and take a View for as long as they read.
func Scoped(store *Store, o ScopeOptions) gin.HandlerFunc {
	o = o.withDefaults()
	return func(c *gin.Context) {
		body, err := readBody(c, &store.bodies, From(c).ID, o.MaxBody)
		if err != nil {
			abort(c, err)
			return
		}
		defer body.release()
		before := len(c.Errors)
		held := store.hold(c.Writer, o.MaxReply)
		defer store.letGo(held)
		err = store.serve(c, held, o)
		switch {
		case err == nil, errors.Is(err, ErrRejected) && len(c.Errors) == before:
			held.release()
		case len(c.Errors) == before, errors.Is(err, ErrMaintenance), errors.Is(err, ErrLapsed), errors.Is(err, ErrTenantFull):
			abort(c, err) // the chain may have seen no more than its context's end, or that something is full
		}
	}
}

// serve runs the chain in a scope with the reply held back. The real writer is
// back in its place before a panic goes on, or the recovery's reply would be
// held for ever.
func (s *Store) serve(c *gin.Context, held *heldReply, o ScopeOptions) error {
	begin := s.Update
	switch c.Request.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		begin = s.View
	}
	request, before := c.Request, len(c.Errors)
	ctx, cancel := context.WithTimeout(request.Context(), o.Timeout)
	defer cancel()
	if o.RequestID != nil {
		ctx = context.WithValue(ctx, requestKey{}, o.RequestID(c))
	}
	if o.Deletes || request.Method == http.MethodDelete {
		ctx = WithReserve(ctx)
	}
	defer func() { c.Request = request }()

	return begin(ctx, From(c), func(tx *gorm.DB) error {
		defer func() { c.Writer = held.ResponseWriter; c.Set(txKey{}, nil) }()
		c.Writer = held
		c.Request = request.WithContext(tx.Statement.Context)
		c.Set(txKey{}, tx)
		c.Next()
		err := verdict(c.Errors[before:], held)
		if err == nil {
			beforeCommitHooks(tx, held.send)
		}
		return err
	})
}

// verdict says whether the scope may commit.
func verdict(raised []*gin.Error, held *heldReply) error {
	switch {
	case len(raised) > 0:
		return raised[len(raised)-1].Err
	case held.tooLarge:
		return ErrReplyTooLarge
	case held.status >= 400:
		return fmt.Errorf("%w with status %d", ErrRejected, held.status)
	}
	return nil
}

// abort ends the chain with an error for the application to render.
func abort(c *gin.Context, err error) {
	_ = c.Error(err)
	c.Abort()
}
