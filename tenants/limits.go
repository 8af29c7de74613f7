package tenants

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// Limit names something of which a tenant may use only so much.
type Limit string

// The limits of a tenant. Requests and scopes are counted in each process for itself, which allows its part of the
// limit: the processes that serve tenants have equal parts. Each allows at least one scope at once, and one request.
const (
	LimitRequests      Limit = "requests"       // requests a second
	LimitConcurrency   Limit = "concurrency"    // scopes at once
	LimitSize          Limit = "size"           // bytes of the database
	LimitFiles         Limit = "files"          // bytes of all files (package files)
	LimitStatementTime Limit = "statement_time" // nanoseconds that one statement takes
	LimitBody          Limit = "body"           // bytes of a request's body
	// LimitWeight is set like a limit: while tenants wait for connections to a server, each has them for a time in
	// proportion to its weight.
	LimitWeight Limit = "weight"
)

// AllLimits returns the limits of a tenant in the order in which they are shown.
func AllLimits() []Limit {
	return []Limit{LimitRequests, LimitConcurrency, LimitSize, LimitFiles, LimitStatementTime, LimitBody, LimitWeight}
}

// NoLimit, as a limit of a tenant's own, means that there is none whatever the default is.
const NoLimit = -1

// Limits are what one tenant may use. In a tenant's row 0 stands for the default, and NoLimit for no limit; so they do in
// what SettingsOptions.Limits returns. In
// Options.Limits and in what Store.Limits returns, 0 stands for no limit.
type Limits struct {
	Requests      int64         `gorm:"column:limit_requests;not null;default:0;check:tenants_limit_requests_check,limit_requests >= -1"`
	Concurrency   int64         `gorm:"column:limit_concurrency;not null;default:0;check:tenants_limit_concurrency_check,limit_concurrency >= -1"`
	Size          int64         `gorm:"column:limit_size;not null;default:0;check:tenants_limit_size_check,limit_size >= -1"`
	Files         int64         `gorm:"column:limit_files;not null;default:0;check:tenants_limit_files_check,limit_files >= -1"`
	StatementTime time.Duration `gorm:"column:limit_statement_time;not null;default:0;check:tenants_limit_statement_time_check,limit_statement_time >= -1"`
	Body          int64         `gorm:"column:limit_body;not null;default:0;check:tenants_limit_body_check,limit_body >= -1"`
	Weight        int64         `gorm:"column:limit_weight;not null;default:0;check:tenants_limit_weight_check,limit_weight >= 0"`
}

// Column returns the name of the limit's column in the table tenants.
func (l Limit) Column() string { return "limit_" + string(l) }

// field returns the limit's field. It panics if there is no such limit.
func (l *Limits) field(name Limit) *int64 {
	switch name {
	case LimitRequests:
		return &l.Requests
	case LimitConcurrency:
		return &l.Concurrency
	case LimitSize:
		return &l.Size
	case LimitFiles:
		return &l.Files
	case LimitStatementTime:
		return (*int64)(&l.StatementTime)
	case LimitBody:
		return &l.Body
	case LimitWeight:
		return &l.Weight
	}
	panic("tenants: there is no limit " + string(name))
}

// Of returns one of the limits. It panics if there is no such limit.
func (l Limits) Of(name Limit) int64 { return *l.field(name) }

// Set changes one of the limits. It panics if there is no such limit.
func (l *Limits) Set(name Limit, value int64) { *l.field(name) = value }

// or returns the limits in force for a tenant with limits of its own.
func (l Limits) or(defaults Limits) Limits {
	return Limits{
		Requests: inForce(l.Requests, defaults.Requests), Concurrency: inForce(l.Concurrency, defaults.Concurrency),
		Size: inForce(l.Size, defaults.Size), Files: inForce(l.Files, defaults.Files), StatementTime: inForce(l.StatementTime, defaults.StatementTime),
		Body: inForce(l.Body, defaults.Body), Weight: max(1, inForce(l.Weight, defaults.Weight)),
	}
}

func inForce[N ~int64](own, standard N) N {
	switch {
	case own == 0:
		return standard
	case own < 0:
		return 0
	}
	return own
}

// Limits returns the limits in force for the tenant: its own ones, else those that follow from its settings, else the
// installation's. In the result 0 means no limit. The tenant's row is used as it was read: a caller that keeps a *Tenant
// keeps its limits.
func (s *Store) Limits(t *Tenant) Limits { return t.Limits.or(s.settings.of(t).limits.or(s.limits)) }

// LimitOrigin says where a limit in force comes from.
type LimitOrigin string

// The origins of limits.
const (
	LimitOfTenant       LimitOrigin = "tenant"       // set for the tenant
	LimitOfSettings     LimitOrigin = "settings"     // follows from the tenant's settings, such as its plan
	LimitOfInstallation LimitOrigin = "installation" // set for all tenants, by a setting of this process
	LimitOfProgram      LimitOrigin = "default"      // set nowhere
)

// LimitSource returns where a limit in force for the tenant comes from, and the name of what set it, such as plan=free, if
// there is one.
func (s *Store) LimitSource(t *Tenant, limit Limit) (origin LimitOrigin, name string) {
	switch {
	case t.Limits.Of(limit) != 0:
		return LimitOfTenant, ""
	case s.settings.of(t).limits.Of(limit) != 0:
		for _, setting := range s.Settings(t) {
			if setting.Key == s.settings.from {
				name = setting.Key + "=" + setting.Text()
			}
		}
		return LimitOfSettings, name
	case s.limitNames[limit] != "":
		return LimitOfInstallation, s.limitNames[limit]
	}
	return LimitOfProgram, ""
}

// SizeLimit returns the limit on the size of the tenant's database, in bytes, for engines that can enforce it while
// a scope runs. ctx is that with which the scope's transaction begins. The limit is 0 if there is none; limited is
// false if no scope of a tenant runs with ctx.
func SizeLimit(ctx context.Context) (most int64, limited bool) {
	s := scopeOf(ctx)
	if s == nil || s.tenant == "" {
		return 0, false
	}
	return s.limits.Size, true
}

// ConnectionWeight returns the weight of the tenant whose scope begins with ctx, for engines that divide connections among
// tenants, or 0 if no scope of a tenant runs with ctx.
func ConnectionWeight(ctx context.Context) int {
	if s := scopeOf(ctx); s != nil {
		return int(s.limits.Weight)
	}
	return 0
}

// Errors of tenants that have reached a limit, for errors.Is. A limit on the size is ErrTenantFull.
var (
	// ErrTooManyRequests means that the tenant has used up its requests of this second.
	ErrTooManyRequests = errors.New("the tenant has used up its requests of this second")
	// ErrTooManyScopes means that as many scopes of the tenant run as may.
	ErrTooManyScopes = errors.New("as many scopes of the tenant run as may")
)

// LimitError says when a tenant that has reached a limit may try again.
type LimitError struct {
	// Err is ErrTooManyRequests or ErrTooManyScopes.
	Err error
	// Limit is what the tenant may use.
	Limit int64
	// After is when trying again may succeed. For ErrTooManyRequests it is when the next request is due,
	// for ErrTooManyScopes a guess: most scopes end within it.
	After time.Duration
}

// Error returns the reason, the limit, and when to try again.
func (e *LimitError) Error() string {
	return fmt.Sprintf("%v: at most %d; try again in %v", e.Err, e.Limit, e.After)
}

// Unwrap returns Err.
func (e *LimitError) Unwrap() error { return e.Err }

// Admit counts a request of the tenant, which its caller is about to serve. Returns a *LimitError that matches
// ErrTooManyRequests if the tenant has used up its requests of this second. Scopes don't count as requests.
func (s *Store) Admit(t *Tenant) error {
	err := s.requests.admit(t.ID, s.Limits(t).Requests, s.process.shares())
	s.countRefusal(err)
	return err
}

// refusalCounts counts what was refused because of each limit.
type refusalCounts map[Limit]*atomic.Uint64

func newRefusalCounts() refusalCounts {
	counts := refusalCounts{}
	for _, limit := range AllLimits() {
		counts[limit] = new(atomic.Uint64)
	}
	return counts
}

// CountRefusal counts something that was refused because of a limit. The store counts what it refuses itself; this
// is for callers that bound their requests' bodies.
func (s *Store) CountRefusal(limit Limit) { s.refusals[limit].Add(1) }

// Refusals returns how often something was refused because of a limit of a tenant's.
func (s *Store) Refusals(limit Limit) uint64 { return s.refusals[limit].Load() }

// countRefusal counts err if it is that of a limit.
func (s *Store) countRefusal(err error) {
	switch {
	case err == nil:
	case errors.Is(err, ErrTooManyRequests):
		s.CountRefusal(LimitRequests)
	case errors.Is(err, ErrTooManyScopes):
		s.CountRefusal(LimitConcurrency)
	case errors.Is(err, ErrTenantFull):
		s.CountRefusal(LimitSize)
	case errors.Is(err, ErrStatementTime):
		s.CountRefusal(LimitStatementTime)
	}
}

// mostScopes returns how many scopes of the tenant may run at once in this process, or 0 if that is not limited. The
// scopes of a hook don't count: they belong to a scope that was admitted.
func (s *Store) mostScopes(ctx context.Context, t *Tenant) int64 {
	if ctx.Value(scopeKey{}) != nil {
		return 0
	}
	most, processes := s.Limits(t).Concurrency, s.process.shares()
	return (most + processes - 1) / processes
}
