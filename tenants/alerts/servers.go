package alerts

import (
	"context"
	"fmt"
	"slices"

	"tenantry/tenants"
)

// servers returns the alerts about servers.
func (w *Watch) servers(ctx context.Context) (all []Alert) {
	health := w.store.Health(ctx)
	for _, name := range w.store.Servers() {
		down := slices.IndexFunc(health, func(h tenants.ServerHealth) bool { return h.Name == name && !h.Serving })
		if down >= 0 {
			all = append(all, Alert{
				Kind: ServerDown, Subject: name,
				Detail: fmt.Sprintf("No tenant on it can be opened since %s UTC.", health[down].Since.Format("2006-01-02 15:04:05")),
				Remedy: "Start the server, or see why this process can't reach it. Requests are served again by themselves then.",
			})
		}
		engine, err := w.store.Server(name)
		if err != nil {
			continue
		}
		all = append(all, connections(name, engine)...)
		all = append(all, disk(name, engine)...)
	}
	return all
}

// connections returns an alert if scopes wait for the server's connections.
func connections(name string, engine tenants.Engine) []Alert {
	b, ok := engine.(tenants.Budgeted)
	if !ok {
		return nil
	}
	c := b.Connections()
	if c.Waiting == 0 || c.Used < c.Limit {
		return nil
	}
	return []Alert{{
		Kind: ConnectionsUsedUp, Subject: name,
		Detail: fmt.Sprintf("%d wait for one of %d connections.", c.Waiting, c.Limit),
		Remedy: "Raise the server's max_connections above the number of tenants that are active at once, or add a server.",
	}}
}

// mostFree is the largest number of free bytes at which a disk counts as nearly full.
const mostFree = 20 << 30

// disk returns an alert if less than a tenth of the server's disk is free, and less than mostFree.
func disk(name string, engine tenants.Engine) []Alert {
	measured, ok := engine.(tenants.Measured)
	if !ok {
		return nil
	}
	free, total, err := measured.Free()
	if err != nil || total == 0 || free >= min(total/10, mostFree) {
		return nil
	}
	return []Alert{{
		Kind: DiskNearlyFull, Subject: name,
		Detail: fmt.Sprintf("The disk has %d MB left of %d MB.", free/1e6, total/1e6),
		Remedy: "Make room or enlarge it: writes are refused when it is full.",
	}}
}
