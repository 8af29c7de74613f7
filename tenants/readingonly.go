package tenants

import (
	"context"
	"fmt"
)

// readingOnlyKey is the context key of WithReadingOnly.
type readingOnlyKey struct{}

// WithReadingOnly returns a context with which Update and Maintain fail with ErrReadingOnly before they begin. View works
// as ever. Whatever a request with this context does, it writes to no tenant.
func WithReadingOnly(ctx context.Context) context.Context {
	return context.WithValue(ctx, readingOnlyKey{}, true)
}

// mayWrite returns ErrReadingOnly if ctx is of WithReadingOnly.
func mayWrite(ctx context.Context, t *Tenant) error {
	if ctx.Value(readingOnlyKey{}) != nil {
		return fmt.Errorf("tenant %q: %w", t.Subdomain, ErrReadingOnly)
	}
	return nil
}
