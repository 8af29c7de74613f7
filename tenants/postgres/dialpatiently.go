package postgres

import (
	"context"
	"time"
)

// dialPatience is how long a connect is tried again while the server has no connection left.
const dialPatience = 3 * time.Second

// dialPatiently connects for what is not a tenant's. It tries again for a while if the server has too many
// connections: processes and people may connect at any time, and processes need a moment to give up connections.
func dialPatiently[C any](ctx context.Context, dial func(context.Context) (C, error)) (C, error) {
	begun, pause := time.Now(), firstPause
	for {
		conn, err := dial(ctx)
		if stateOf(err) != codeNoConnections || time.Since(begun) > dialPatience {
			return conn, err
		}
		select {
		case <-ctx.Done():
			return conn, err
		case <-time.After(pause):
			pause *= 2
		}
	}
}
