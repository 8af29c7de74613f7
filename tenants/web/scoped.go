package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"tenantry/tenants"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"
)

// ScopeOptions bound a request in a scope.
type ScopeOptions struct {
	// MaxBody bounds the request's body, in bytes. Defaults to 1 MiB. A lower limit of the tenant's own counts.
	MaxBody int64
	// MaxReply bounds the reply, in bytes. Defaults to 16 MiB.
	MaxReply int
	// Timeout bounds the scope, including the wait for a handle. Defaults to 30 seconds.
	Timeout time.Duration
	// Deletes marks routes that delete, whatever their method: see tenants.WithReserve. Routes
	// with the method DELETE are marked anyway.
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

// Scoped returns a handler that runs the rest of the chain in a scope on the
// request's tenant, for Tx: GET, HEAD and OPTIONS in View, the rest in Update. A
// request over the tenant's limit of requests a second is refused first. The body is read before the scope begins, so that a slow upload holds no lock; a
// body for which there is no memory is ErrTooManyBodies. Handlers that
// authenticate the sender therefore belong before Scoped, or strangers take that
// memory. The reply is held back until the commit. The scope is rolled back when
// the chain records an error on c.Errors, answers with a status of 400 or more,
// panics, or when the request is cancelled or a statement failed.
//
// A reply of the chain's own with a status of 400 or more is sent as it is.
// Every other failure is recorded on c.Errors and rendered. Routes that stream
// stay outside of Scoped and take a View for as long as they read.
func (m *Middleware) Scoped(o ScopeOptions) gin.HandlerFunc {
	o = o.withDefaults()
	return func(c *gin.Context) {
		if !m.admit(c) {
			return
		}
		body, err := m.readBody(c, o.MaxBody)
		if err != nil {
			m.refuse(c, err)
			return
		}
		defer body.release()
		before := len(c.Errors)
		held := m.hold(c.Writer, o.MaxReply)
		defer m.recycle(held)
		err = m.serve(c, held, o)
		switch {
		case err == nil, errors.Is(err, ErrRejected) && len(c.Errors) == before:
			held.release()
		case len(c.Errors) == before, outranks(err):
			m.refuse(c, err)
		default:
			last := c.Errors.Last()
			if errors.Is(err, last.Err) {
				last.Err = err // says more
			}
			m.render(c, last.Err)
		}
	}
}

// outranks reports whether the client receives the scope's error instead of the error that the
// chain recorded, which may only be the end of its context.
func outranks(err error) bool {
	return errors.Is(err, tenants.ErrMaintenance) || errors.Is(err, tenants.ErrLapsed) || errors.Is(err, tenants.ErrTenantFull) ||
		errors.Is(err, tenants.ErrStatementTime)
}

// serve runs the chain in a scope with the reply held back. It restores the real writer before
// a panic propagates; otherwise the recovery's reply would be held forever.
func (m *Middleware) serve(c *gin.Context, held *heldReply, o ScopeOptions) error {
	begin := m.store.Update
	switch c.Request.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		begin = m.store.View
	}
	request, before := c.Request, len(c.Errors)
	ctx, cancel := context.WithTimeout(request.Context(), o.Timeout)
	defer cancel()
	if m.requestID != nil {
		ctx = tenants.WithRequestID(ctx, m.requestID(c))
	}
	if o.Deletes || request.Method == http.MethodDelete {
		ctx = tenants.WithReserve(ctx)
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
			tenants.BeforeCommitHooks(tx, held.send)
		}
		return err
	})
}

// verdict returns nil if the scope may commit, or the reason for rolling it back.
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
