package web

import "errors"

// The errors of a request, beside those of package tenants, for errors.Is.
var (
	// ErrBodyTooLarge: the request's body is over the limit.
	ErrBodyTooLarge = errors.New("request body is too large")
	// ErrBodyUnreadable: the request's body broke off or its framing is wrong.
	ErrBodyUnreadable = errors.New("request body could not be read")
	// ErrBodyTooSlow: the request's body did not arrive in time.
	ErrBodyTooSlow = errors.New("request body arrived too slowly")
	// ErrTooManyBodies: the bodies of other requests take all the memory that
	// there is for them.
	ErrTooManyBodies = errors.New("too many request bodies at once")
	// ErrReplyTooLarge: a held-back reply grew over the limit. Large replies
	// are streamed outside of a scope.
	ErrReplyTooLarge = errors.New("reply is too large to be held back")
	// ErrRejected: the handler answered with a status of 400 or more, or
	// recorded an error on the context, so the scope was rolled back.
	ErrRejected = errors.New("handler rejected the request")
)
