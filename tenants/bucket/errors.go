package bucket

import "errors"

// Errors of buckets, for errors.Is.
var (
	// ErrURL means that a text is not the URL of a bucket.
	ErrURL = errors.New("not the URL of a bucket")
	// ErrKey means that a text can't be the key of an object.
	ErrKey = errors.New("not the key of an object")
	// ErrUnavailable means that the storage can't be reached, or refuses what was asked for. It may be tried again.
	ErrUnavailable = errors.New("storage is unavailable")
	// ErrFull means that there is no room left.
	ErrFull = errors.New("storage is full")
)
