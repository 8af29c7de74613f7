package lifecycle

import (
	"context"
	"fmt"

	"tenantry/tenants"
)

// ConnectionsScarce is the kind of advice about a server whose connections were too few for the tenants at work at once.
const ConnectionsScarce = "connections-scarce"

// adviseConnections looks for servers with too few connections, as far as the running processes have met with it.
func (d *doctor) adviseConnections(ctx context.Context) error {
	scarce, err := d.store.Scarcities(ctx)
	if err != nil {
		return fmt.Errorf("read what connections were wanted: %w", err)
	}
	for _, s := range scarce {
		d.add(Finding{
			Kind: ConnectionsScarce, Subject: s.Server, Advice: true, Remedy: scarcityRemedy(s),
			Detail: fmt.Sprintf("at most %d connections were wanted at once since the processes that serve tenants began, and they may have %d together; "+
				"tenants waited for each other's, and each change costs the server as much as tens of requests", s.Wanted, s.Allowed),
		})
	}
	return nil
}

func scarcityRemedy(s tenants.Scarcity) string {
	if s.Needed == 0 {
		return "give the server more connections, as far as its max_connections allows: it was added with --connections"
	}
	return fmt.Sprintf("set max_connections of the server to %d or more, which is %d now, and restart it: ALTER SYSTEM SET max_connections = %d", s.Needed, s.Setting, s.Needed)
}
