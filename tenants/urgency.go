package tenants

import "context"

// jobKey is the context key of AsJob. Its value is a channel that is closed when a person waits for the same, or nil.
type jobKey struct{}

// AsJob returns a context for the work of jobs. An engine whose connections are scarce gives them to people first, to those
// who send requests and to operators.
func AsJob(ctx context.Context) context.Context { return AsJobUntil(ctx, nil) }

// AsJobUntil is AsJob until hurried is closed, because a person waits for the same.
func AsJobUntil(ctx context.Context, hurried <-chan struct{}) context.Context {
	return context.WithValue(ctx, jobKey{}, hurried)
}

// IsJob reports whether ctx is of AsJob, and no person waits for the same.
func IsJob(ctx context.Context) bool {
	hurried, ok := ctx.Value(jobKey{}).(<-chan struct{})
	if !ok {
		return false
	}
	select {
	case <-hurried:
		return false
	default:
		return true
	}
}

// Hurried returns a channel that is closed when IsJob becomes false, or nil if it never does.
func Hurried(ctx context.Context) <-chan struct{} {
	hurried, _ := ctx.Value(jobKey{}).(<-chan struct{})
	return hurried
}

// hurryFor makes the opening of the handle as urgent as the caller that waits for it. The caller holds the pool's lock.
func (e *entry) hurryFor(ctx context.Context) {
	if e.isUrgent || IsJob(ctx) {
		return
	}
	e.isUrgent = true
	close(e.hurried)
}
