package tenants

import (
	"fmt"
	"runtime"
	"strings"
)

// errNestedElsewhere means that the call stack shows an outer scope that the context doesn't carry.
var errNestedElsewhere = fmt.Errorf("%w by way of another context; use the outer one's context and its tx, or AfterCommit", ErrNestedScope)

// The names of the functions that begin scopes, as they appear in a call stack.
const (
	tenantScope = "/tenants.(*Store).scope"
	masterScope = "/tenants.(*Master).update"
	masterView  = "/tenants.(*Master).View"
	runScope    = "/tenants.(*scope).run"
)

// owner returns the name of the function that began the scope.
func (s *scope) owner() string {
	if s.tenant == "" {
		return masterScope
	}
	return tenantScope
}

// runsIn reports whether this goroutine is running the function of a scope that owner began.
func runsIn(owner string) bool { return runningIn(owner, 1) }

// runsNested reports whether this goroutine is running the function of a tenant's scope within that of another one.
func runsNested() bool { return runningIn(tenantScope, 2) }

// runningIn reports whether this goroutine is running the functions of so many scopes that owner began, within one another. The
// hooks of a scope don't count. It reads the call stack, which takes microseconds, so it is only
// called for scopes that have to wait anyway.
func runningIn(owner string, depth int) bool {
	var stack [256]uintptr
	frames := runtime.CallersFrames(stack[:runtime.Callers(2, stack[:])])
	for inside, more := false, true; more; {
		var frame runtime.Frame
		frame, more = frames.Next()
		switch {
		case strings.HasSuffix(frame.Function, runScope):
			inside = true
		case inside && strings.HasSuffix(frame.Function, owner):
			inside = false
			if depth--; depth == 0 {
				return true
			}
		case strings.HasSuffix(frame.Function, tenantScope), strings.HasSuffix(frame.Function, masterScope), strings.HasSuffix(frame.Function, masterView):
			inside = false
		}
	}
	return false
}
