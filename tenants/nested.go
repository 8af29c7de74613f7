package tenants

import (
	"fmt"
	"runtime"
	"strings"
)

// errNestedElsewhere: the scope's context says nothing of the scope in which it
// was begun, and the call stack does.
var errNestedElsewhere = fmt.Errorf("%w by way of another context; use the outer one's context and its tx, or AfterCommit", ErrNestedScope)

// The functions that begin scopes, as the call stack names them.
const (
	tenantScope = "/tenants.(*Store).scope"
	masterScope = "/tenants.(*Master).update"
	masterView  = "/tenants.(*Master).View"
	runScope    = "/tenants.(*scope).run"
)

// owner is the function that began the scope.
func (s *scope) owner() string {
	if s.tenant == "" {
		return masterScope
	}
	return tenantScope
}

// runsIn tells whether this goroutine is within the function of a scope that
// owner began. It reads the call stack, which takes microseconds: it is for
// scopes that have to wait anyway. The hooks of a scope are not within it.
func runsIn(owner string) bool {
	var stack [256]uintptr
	frames := runtime.CallersFrames(stack[:runtime.Callers(2, stack[:])])
	for inside, more := false, true; more; {
		var frame runtime.Frame
		frame, more = frames.Next()
		switch {
		case strings.HasSuffix(frame.Function, runScope):
			inside = true
		case inside && strings.HasSuffix(frame.Function, owner):
			return true
		case strings.HasSuffix(frame.Function, tenantScope), strings.HasSuffix(frame.Function, masterScope), strings.HasSuffix(frame.Function, masterView):
			inside = false
		}
	}
	return false
}
