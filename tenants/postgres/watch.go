package postgres

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// channel is where the master's trigger announces changed tenants.
	channel = "tenantry_tenants"
	// The first and the longest pause between attempts to connect.
	firstPause, longestPause = 50 * time.Millisecond, 5 * time.Second
)

// watcher listens for changes of the master over a connection of its own.
type watcher struct {
	server *server
	log    *slog.Logger
}

// watch listens until ctx ends, and reconnects whenever the connection breaks.
func (w watcher) watch(ctx context.Context, changed func(tenantID string)) error {
	pause := firstPause
	for {
		connected, err := w.listen(ctx, changed)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		w.log.WarnContext(ctx, "master: listening for changes was interrupted", "error", err)
		if connected {
			pause = firstPause
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
			pause = min(2*pause, longestPause)
		}
	}
}

// listen calls changed without an id when it begins to listen, because changes may have been missed until
// then, and with the tenant's id after each notification. connected reports whether it began to listen.
func (w watcher) listen(ctx context.Context, changed func(tenantID string)) (connected bool, err error) {
	conn, err := w.connect(ctx)
	if err != nil {
		return false, err
	}
	defer conn.Close(context.WithoutCancel(ctx)) // bounded by lingerTime
	if _, err := conn.Exec(ctx, "LISTEN "+channel); err != nil {
		return false, fmt.Errorf("listen: %w", err)
	}
	for id := ""; ; {
		changed(id)
		news, err := conn.WaitForNotification(ctx)
		if err != nil {
			return true, fmt.Errorf("wait for notification: %w", err)
		}
		id = news.Payload
	}
}

func (w watcher) connect(ctx context.Context) (*pgx.Conn, error) { return dialPatiently(ctx, w.dial) }

func (w watcher) dial(ctx context.Context) (*pgx.Conn, error) {
	return dialHosts(ctx, w.server, pgx.ConnectConfig)
}
