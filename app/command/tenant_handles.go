package command

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"tenantry/app"
	"tenantry/tenants"
	"tenantry/tenants/document"
)

type handlesCommand struct {
	Subdomain string `arg:"" optional:"" help:"Show only this tenant's."`
	Close     bool   `help:"Close the tenant's database in every process in which no scope uses it."`
	Sort      string `default:"leases" enum:"leases,idle" help:"Sort by leases, the busiest first, or by idle, those that were idle longest first."`
	Limit     int    `default:"50" help:"Show at most this many, up to 200."`
}

// Help is shown with the flags.
func (handlesCommand) Help() string {
	return `Lists the databases of tenants that are open, in all processes with this master: in which process, how many scopes use it, how many connections it has, and since when it is open and idle. Processes close idle databases by themselves.

With --close the tenant's database is closed in all processes. Where scopes use it, it stays open and the exit status is 1; the next request opens it again.

The processes are asked through the master and answer within half a second. The command says which gave no answer within three seconds.

Examples:

    tenantry tenant handles
    tenantry tenant handles --sort idle --limit 10
    tenantry tenant handles acme --json
    tenantry tenant handles acme --close`
}

// maxHandles limits what is listed.
const maxHandles = 200

// Run lists or closes open databases.
func (h *handlesCommand) Run(c *Call) error {
	switch {
	case h.Limit < 1 || h.Limit > maxHandles:
		return fmt.Errorf("%w: --limit is %d: want a number from 1 to %d", errUsage, h.Limit, maxHandles)
	case h.Close && h.Subdomain == "":
		return fmt.Errorf("%w: --close needs the tenant's subdomain: tenantry tenant handles SUBDOMAIN --close", errUsage)
	}
	return c.With(func(a *app.App) error {
		search := tenants.HandleSearch{Order: tenants.HandleOrder(h.Sort), Limit: h.Limit}
		if h.Subdomain != "" {
			t, err := c.tenant(a, h.Subdomain)
			if err != nil {
				return err
			}
			search.TenantID = t.ID
		}
		if h.Close {
			return h.close(c, a, search.TenantID)
		}
		found, err := a.Store().HandlesEverywhere(c.ctx, search)
		if err != nil {
			return err
		}
		return h.write(c.out, found)
	})
}

func (h *handlesCommand) write(out *Output, found tenants.OpenHandles) error {
	if out.json {
		return out.Document(document.Handles(found))
	}
	for _, process := range found.Silent {
		out.Hint("no answer from %s: it is stopped or busy, or runs an older build; its databases are missing here", process)
	}
	if len(found.Handles) == 0 && len(found.Silent) == 0 {
		return out.Line("no process has %s open", h.what())
	}
	var rows [][]string
	for i := range found.Handles {
		rows = append(rows, handleRow(&found.Handles[i]))
	}
	if err := out.Rows([]string{"TENANT", "PROCESS", "SCOPES", "CONNECTIONS", "OPENED", "IDLE SINCE", "SERVER"}, rows); err != nil {
		return err
	}
	if found.Open > len(found.Handles) {
		out.Hint("these are the first %d of %d; see more with --limit, or one tenant's with: tenantry tenant handles SUBDOMAIN", len(found.Handles), found.Open)
	}
	return nil
}

// what names what was looked for.
func (h *handlesCommand) what() string {
	if h.Subdomain == "" {
		return "a tenant's database"
	}
	return "the tenant's database"
}

func handleRow(h *tenants.Handle) []string {
	idle := "in use"
	if h.Leases == 0 {
		idle = h.IdleSince.UTC().Format(time.RFC3339)
	}
	return []string{h.Subdomain, h.Process, strconv.Itoa(h.Leases), strconv.Itoa(h.Connections), h.OpenedAt.UTC().Format(time.RFC3339), idle, h.Server}
}

// close closes the tenant's database in all processes.
func (h *handlesCommand) close(c *Call, a *app.App, tenantID string) error {
	closed, err := a.Store().CloseIdleEverywhere(c.ctx, tenantID)
	var leased *tenants.LeasedError
	var silent *tenants.SilentError
	switch {
	case errors.Is(err, tenants.ErrNoHandle): // nothing is left to do
	case errors.As(err, &leased):
		err = fmt.Errorf("%w; try again when they have ended", err)
	case errors.As(err, &silent):
		err = fmt.Errorf("%w: it is stopped or busy, or runs an older build, and may have the database open; try again", err)
	}
	if err != nil && !errors.Is(err, tenants.ErrNoHandle) {
		return err
	}
	if c.out.json {
		return c.out.Document(map[string]any{"subdomain": h.Subdomain, "closed": append([]string{}, closed...)})
	}
	if len(closed) == 0 {
		return c.out.Line("no process has the tenant's database open")
	}
	return c.out.Line("closed in %s", strings.Join(closed, "; "))
}
