package tenants

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// slowStatement is the duration from which a statement is logged.
const slowStatement = 500 * time.Millisecond

// notableStatement is the duration from which a statement is mentioned if its scope is slow.
const notableStatement = 50 * time.Millisecond

// OpenBase opens the *gorm.DB from which an engine's handles are cloned. The dialector's connection
// is used only while gorm initializes; the returned base refuses every statement. OpenBase parses
// all models and registers all callbacks once, because doing so on clones races (PITFALLS, GORM).
func OpenBase(dialector gorm.Dialector, models []any, log *slog.Logger) (*gorm.DB, error) {
	base, err := gorm.Open(dialector, &gorm.Config{
		SkipDefaultTransaction: true, // a scope is a transaction already
		QueryFields:            true, // SELECT * breaks cached plans after ADD COLUMN
		TranslateError:         true,
		DisableAutomaticPing:   true,
		NowFunc:                now,
		Logger:                 newSlowLog(log),
	})
	if err != nil {
		return nil, fmt.Errorf("open gorm: %w", err)
	}
	for _, model := range models {
		if err := (&gorm.Statement{DB: base}).Parse(model); err != nil {
			return nil, fmt.Errorf("parse model %T: %w", model, err)
		}
	}
	if err := base.Use(statementFailures{}); err != nil {
		return nil, fmt.Errorf("register callbacks: %w", err)
	}
	base.ConnPool = beginner{}
	base.Statement.ConnPool = beginner{}
	return base, nil
}

// now returns the current time in UTC, truncated to microseconds, which both engines store exactly.
func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// slowLog logs slow statements, without their values, with the tenant and the request's id. It does
// not log errors: they are returned to the caller, and many of them are expected.
type slowLog struct {
	logger.Interface
	log *slog.Logger
}

func newSlowLog(log *slog.Logger) logger.Interface { return slowLog{gormLog(log), log} }

func gormLog(log *slog.Logger) logger.Interface {
	return logger.NewSlogLogger(log, logger.Config{
		SlowThreshold:        slowStatement,
		LogLevel:             logger.Warn,
		ParameterizedQueries: true,
	})
}

// Trace logs a statement that succeeded but took slowStatement or longer.
func (l slowLog) Trace(ctx context.Context, begin time.Time, statement func() (string, int64), err error) {
	took := time.Since(begin)
	if err != nil || took < notableStatement {
		return
	}
	log := l.log
	if s := scopeOf(ctx); s != nil && s.tenant != "" {
		text, _ := statement()
		s.remember(text, took)
		log = log.With("tenant", s.tenant)
	}
	if took < slowStatement {
		return
	}
	if id, ok := ctx.Value(requestKey{}).(string); ok {
		log = log.With("request_id", id)
	}
	gormLog(log).Trace(ctx, begin, statement, nil)
}

// requestKey is the context key of the request's id in a request's scope.
type requestKey struct{}

// WithRequestID returns a copy of ctx in which slow statements are logged with the request's id.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestKey{}, id)
}

// ParamsFilter keeps values out of the logged statement. gorm looks for this method on the outer
// logger only, so wrapping would hide the wrapped logger's.
func (l slowLog) ParamsFilter(_ context.Context, sql string, _ ...any) (string, []any) {
	return sql, nil
}
