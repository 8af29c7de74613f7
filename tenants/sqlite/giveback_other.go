//go:build !cgo || !linux

package sqlite

// trim does nothing: the memory is Go's, or its library gives it back by itself.
func trim() {}
