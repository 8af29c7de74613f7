package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// channel is where the master's trigger announces changed tenants.
	channel = "tenantry_tenants"
	// silenceTime is how long the listener waits for a notification until it asks whether the server is still there, and
	// then for the answer.
	silenceTime = 10 * time.Second
	// The first and the longest pause between attempts to connect.
	firstPause, longestPause = 50 * time.Millisecond, time.Second
)

// watcher listens for changes of the master over a connection of its own.
type watcher struct {
	server *server
	log    *slog.Logger

	silence time.Duration // defaults to silenceTime
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
	failovers := w.server.hosts.failovers.Load()
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
		news, err := w.next(ctx, conn, failovers)
		if err != nil {
			return true, fmt.Errorf("wait for notification: %w", err)
		}
		id = news.Payload
	}
}

// errFailedOver means that another host is the primary now.
var errFailedOver = errors.New("the server has failed over")

// next returns the next notification. While there is none, it asks now and then whether the server is still there:
// nothing would tell of its end if a network or a proxy has swallowed the connection. Returns errFailedOver if there was
// a failover since the number that was counted before.
func (w watcher) next(ctx context.Context, conn *pgx.Conn, failovers int64) (*pgconn.Notification, error) {
	silence := cmp.Or(w.silence, silenceTime)
	for {
		limited, cancel := context.WithTimeout(ctx, silence)
		news, err := conn.WaitForNotification(limited)
		isSilent := limited.Err() != nil
		cancel()
		if err == nil || ctx.Err() != nil || !isSilent {
			return news, err
		}
		if failovers != w.server.hosts.failovers.Load() {
			return nil, errFailedOver
		}
		limited, cancel = context.WithTimeout(ctx, silence)
		err = conn.Ping(limited)
		cancel()
		if err != nil {
			return nil, err
		}
	}
}

func (w watcher) connect(ctx context.Context) (*pgx.Conn, error) { return dialPatiently(ctx, w.dial) }

func (w watcher) dial(ctx context.Context) (*pgx.Conn, error) {
	return dialHosts(ctx, w.server, pgx.ConnectConfig)
}
