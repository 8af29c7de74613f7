package web

import "errors"

// The errors of a request, beside those of package tenants, for errors.Is.
var (
	// ErrBodyTooLarge means that the request's body exceeds the limit.
	ErrBodyTooLarge = errors.New("request body is too large")
	// ErrTenantBody means that the request's body exceeds the tenant's limit, which is lower than that of the
	// route. It comes together with ErrBodyTooLarge.
	ErrTenantBody = errors.New("request body exceeds the tenant's limit")
	// ErrBodyUnreadable means that the request's body was cut off or is framed wrongly.
	ErrBodyUnreadable = errors.New("request body could not be read")
	// ErrBodyTooSlow means that the request's body did not arrive in time.
	ErrBodyTooSlow = errors.New("request body arrived too slowly")
	// ErrTooManyBodies means that other requests' bodies use all the memory for bodies.
	ErrTooManyBodies = errors.New("too many request bodies at once")
	// ErrReplyTooLarge means that a held-back reply exceeded the limit. Stream large replies
	// outside of a scope.
	ErrReplyTooLarge = errors.New("reply is too large to be held back")
	// ErrRejected means that the scope was rolled back because the handler answered with a
	// status of 400 or more, or recorded an error on the context.
	ErrRejected = errors.New("handler rejected the request")
)
