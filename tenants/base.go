package tenants

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// slowStatement is what a statement may take before it is logged.
const slowStatement = 500 * time.Millisecond

// OpenBase opens the *gorm.DB from which an engine's handles are cloned. The
// dialector has a connection that is good for Initialize only; the base that is
// returned refuses every statement. All models are parsed and all callbacks
// registered here, once, because doing so on clones races (PITFALLS, GORM).
func OpenBase(dialector gorm.Dialector, models []any, log *slog.Logger) (*gorm.DB, error) {
	base, err := gorm.Open(dialector, &gorm.Config{
		SkipDefaultTransaction: true, // the scope is one already
		QueryFields:            true, // * breaks cached plans after ADD COLUMN
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
	if err := base.Use(failures{}); err != nil {
		return nil, fmt.Errorf("register callbacks: %w", err)
	}
	base.ConnPool = beginner{}
	base.Statement.ConnPool = beginner{}
	return base, nil
}

// now is in UTC and in microseconds, which both engines store unchanged.
func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// slowLog logs slow statements without their values, with the tenant and the
// request. Errors are not logged here: they are returned, and many are expected.
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

// Trace passes slow statements on.
func (l slowLog) Trace(ctx context.Context, begin time.Time, statement func() (string, int64), err error) {
	if err != nil || time.Since(begin) < slowStatement {
		return
	}
	log := l.log
	if s := scopeOf(ctx); s != nil && s.tenant != "" {
		log = log.With("tenant", s.tenant)
	}
	if id, ok := ctx.Value(requestKey{}).(string); ok {
		log = log.With("request_id", id)
	}
	gormLog(log).Trace(ctx, begin, statement, nil)
}

// requestKey leads from the context of a request's scope to the request's id.
type requestKey struct{}

// WithRequestID returns a copy of ctx in which slow statements are logged with the
// request's id.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestKey{}, id)
}

// ParamsFilter keeps values out of the logged statement: wrapping hides the
// one of the wrapped logger.
func (l slowLog) ParamsFilter(_ context.Context, sql string, _ ...any) (string, []any) {
	return sql, nil
}
