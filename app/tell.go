package app

import (
	"context"
	"errors"
	"time"

	"tenantry/tenants/traffic"
)

// tellTimeout limits the time in which the last minute is written.
const tellTimeout = 5 * time.Second

// tell writes what this process counts into the master, for the consoles of all
// processes, until ctx ends. An outage of the master is logged once: what could
// not be written is written later.
func (a *App) tell(ctx context.Context) {
	ticker := time.NewTicker(traffic.TellTime)
	defer ticker.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		err := errors.Join(a.archive.Write(ctx), a.archive.WriteLoad(ctx, a.store))
		if err != nil && !failing && ctx.Err() == nil {
			a.log.WarnContext(ctx, "tell other processes of requests", "error", err)
		}
		failing = err != nil
	}
}

// tellLast writes the counts of the minute in which the process ends.
func (a *App) tellLast() {
	ctx, cancel := context.WithTimeout(context.Background(), tellTimeout)
	defer cancel()
	if err := a.archive.Flush(ctx); err != nil {
		a.log.Warn("tell other processes of the last requests", "error", err)
	}
}
