package lifecycle

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"tenantry/tenants"
)

// Hook is what an application does when operations are done to tenants, such as loading a new tenant's first rows or
// telling a billing system. All three functions may be nil. They may be called more than once for one operation, also by
// another process, and must be safe for concurrent use. Operations that are recorded when they are done have no
// hooks: exports, tried backups, shown keys, cancellations and re-sealed secrets.
type Hook struct {
	// Name is in the ledger and in errors: lower-case letters, digits and hyphens. A hook whose meaning changes must
	// get a new name.
	Name string
	// Kinds are the operations that the hook goes with.
	Kinds []tenants.OperationKind
	// Before is called before anything is changed, also if it turns out that there is nothing to do. Its error is the
	// reason why the operation is refused. Event.Operation.Params has what was asked for: the new subdomain or server
	// as to, name, host, limits, settings, message. A tenant that is to be created has no database yet.
	Before func(ctx context.Context, e *Event) error
	// Prepare is a step of a creation, adoption or clone: the tenant has its database and its first admin, and is not
	// served yet. An error undoes the creation, as one of another step does.
	Prepare func(ctx context.Context, e *Event) error
	// Copies means that Prepare is only for tenants that get the data of another tenant: clones, those that are restored from
	// a backup, and those that are made from a portable file.
	Copies bool
	// After is the operation's last step. If it fails, the tenant stays as the operation made it, and the step is
	// repeated about every minute until it succeeds or an operator cancels it. Until then no other operation begins.
	After func(ctx context.Context, e *Event) error
}

// Event is an operation on a tenant, as hooks see it.
type Event struct {
	// Operation is the ledger's entry. Before Hook.Before has returned it has no id.
	Operation tenants.Operation
	Tenant    tenants.Tenant

	store *tenants.Store
}

// Update runs f in a transaction on the tenant's database, as tenants.Store's Maintain does: also on a tenant that isn't
// served to people now. Fails for a purged one.
func (e *Event) Update(ctx context.Context, f tenants.Func) error {
	return e.store.Maintain(ctx, &e.Tenant, f)
}

// VetoError means that a hook refused an operation.
type VetoError struct {
	Hook string
	Kind tenants.OperationKind
	// Err is the hook's error, the reason.
	Err error
}

// Error returns the hook's name and its reason.
func (e *VetoError) Error() string {
	return fmt.Sprintf("%s is refused by the hook %q: %v", e.Kind, e.Hook, e.Err)
}

// Unwrap returns Err.
func (e *VetoError) Unwrap() error { return e.Err }

// hooksOf returns the hooks that go with a kind of operation.
func (m *Manager) hooksOf(kind tenants.OperationKind) (all []Hook) {
	for _, h := range m.hooks {
		if slices.Contains(h.Kinds, kind) {
			all = append(all, h)
		}
	}
	return all
}

// ask calls the hooks before an operation. Returns a *VetoError if one refuses it.
func (m *Manager) ask(ctx context.Context, by Operator, kind tenants.OperationKind, t *tenants.Tenant, asked params) error {
	text, err := json.Marshal(asked)
	if err != nil {
		return fmt.Errorf("write what was asked for: %w", err)
	}
	for _, h := range m.hooksOf(kind) {
		if h.Before == nil {
			continue
		}
		e := &Event{tenants.Operation{TenantID: t.ID, Subdomain: t.Subdomain, Kind: kind, By: string(by), Params: string(text)}, *t, m.store}
		if err := h.Before(ctx, e); err != nil {
			return &VetoError{h.Name, kind, err}
		}
	}
	return nil
}

// askAbout is ask for a tenant by name. A tenant that isn't there is left to the operation.
func (m *Manager) askAbout(ctx context.Context, by Operator, kind tenants.OperationKind, name string, asked params) error {
	if len(m.hooksOf(kind)) == 0 {
		return nil
	}
	t, err := m.Get(ctx, name)
	if err != nil {
		return nil // the operation returns the same error
	}
	return m.ask(ctx, by, kind, t, asked)
}

// Steps of hooks begin with these. Builds that don't know a hook leave its step alone.
const (
	prepareStep = "prepare-"
	afterStep   = "after-"
)

// withHooks returns the plan with the steps of the hooks that go with the kind of operation.
func (m *Manager) withHooks(kind tenants.OperationKind, of params, p plan) plan {
	var prepare, after []step
	for _, h := range m.hooksOf(kind) {
		if h.Prepare != nil && (!h.Copies || of.Of+of.File != "") {
			prepare = append(prepare, step{name: prepareStep + h.Name, do: call(h.Prepare)})
		}
		if h.After != nil {
			after = append(after, step{name: afterStep + h.Name, do: callAgain(h.After), final: true})
		}
	}
	creates := slices.Contains([]tenants.OperationKind{tenants.KindCreate, tenants.KindAdopt, tenants.KindClone}, kind)
	if creates && len(prepare) > 0 && len(p.steps) > 0 {
		p.steps = prepared(p.steps, prepare)
	}
	p.steps = slices.Concat(p.steps, after)
	return p
}

// prepared inserts steps before a new tenant is served. The step that served it gets another name, because its meaning
// changes.
func prepared(steps, prepare []step) []step {
	last := steps[len(steps)-1]
	last.name, last.record = last.name+"-unserved", setVersion
	serve := step{name: "serve", do: func(*Manager, context.Context, *job) error { return nil }, record: activate}
	return slices.Concat(steps[:len(steps)-1], []step{last}, prepare, []step{serve})
}

// call makes a hook's function the work of a step.
func call(f func(ctx context.Context, e *Event) error) func(m *Manager, ctx context.Context, j *job) error {
	return func(m *Manager, ctx context.Context, j *job) error {
		e := &Event{j.op, j.tenant, m.store}
		return f(ctx, e)
	}
}

// callAgain is call for the hooks after everything else.
func callAgain(f func(ctx context.Context, e *Event) error) func(m *Manager, ctx context.Context, j *job) error {
	return func(m *Manager, ctx context.Context, j *job) error {
		if err := call(f)(m, ctx, j); err != nil {
			return fmt.Errorf("%w; all else is done, and a server calls the hook again within a minute", err)
		}
		return nil
	}
}

// isAfter reports whether all that is left of an operation are hooks.
func isAfter(step string) bool { return strings.HasPrefix(step, afterStep) }
