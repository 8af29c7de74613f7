package command

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"tenantry/app"
	"tenantry/tenants/traffic"
)

type topCommand struct {
	Sort  string `default:"requests" enum:"requests,failures,p95,connections,waiting,size" help:"Sort by requests, failures, p95, connections, waiting or size."`
	Limit int    `default:"20" help:"Show at most this many tenants, up to 200."`
	Once  bool   `help:"Write one table and end, also on a terminal."`
}

// Help is shown with the flags.
func (topCommand) Help() string {
	return `Shows what the tenants did in the last seconds in all processes: requests and failures a second, the 95th percentile of the requests' durations, open connections, scopes that wait for one or for their turn, and the size of the database. On a terminal the table is refreshed until Ctrl-C; elsewhere, and with --once or --json, it is written once.

Each serving process writes its figures into the master every three seconds; this command reads them there, so it needs no listener and no token.

Examples:

    tenantry top
    tenantry top --sort failures --limit 5
    tenantry top --once --json`
}

// Run shows the table.
func (o *topCommand) Run(c *Call) error {
	if o.Limit < 1 || o.Limit > traffic.MaxTop {
		return fmt.Errorf("%w: --limit is %d: want a number from 1 to %d", errUsage, o.Limit, traffic.MaxTop)
	}
	return c.With(func(a *app.App) error {
		top := traffic.NewTop(a.Store())
		if o.Once || c.out.json || !c.out.table {
			return o.write(c, top)
		}
		return o.refresh(c, top)
	})
}

// write writes the table once.
func (o *topCommand) write(c *Call, top *traffic.Top) error {
	now, err := top.Read(c.ctx, o.Sort, o.Limit)
	if err != nil {
		return err
	}
	if c.out.json {
		return c.out.Document(now)
	}
	if err := c.out.Rows(topHeader(), topRows(now)); err != nil {
		return err
	}
	if now.Processes == 0 {
		c.out.Hint("no process has served a request in the last seconds")
	}
	return nil
}

// refresh shows the table on the terminal until the command is interrupted.
func (o *topCommand) refresh(c *Call, top *traffic.Top) error {
	ticker := time.NewTicker(traffic.TellTime)
	defer ticker.Stop()
	for {
		now, err := top.Read(c.ctx, o.Sort, o.Limit)
		switch {
		case c.ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		}
		if _, err := c.out.stdout.Write(topScreen(now)); err != nil {
			return err
		}
		select {
		case <-c.ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// topScreen returns the table in place of what is on the terminal.
func topScreen(now traffic.Standing) []byte {
	var screen bytes.Buffer
	fmt.Fprintf(&screen, "\x1b[H\x1b[2J%s  processes with requests: %d  requests/s: %s  failures/s: %s  connections: %d  waiting: %d\n\n",
		now.At.Format(time.TimeOnly), now.Processes, rate(now.Total.Requests), rate(now.Total.Failures), now.Total.Connections, now.Total.Waiting)
	w := tabwriter.NewWriter(&screen, 0, 0, 3, ' ', 0)
	for _, row := range append([][]string{topHeader()}, topRows(now)...) {
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	_ = w.Flush() // writing to memory doesn't fail
	return screen.Bytes()
}

func topHeader() []string {
	return []string{"TENANT", "REQUESTS/S", "FAILURES/S", "P95", "CONNECTIONS", "WAITING", "SIZE", "SERVER"}
}

func topRows(now traffic.Standing) (rows [][]string) {
	for i := range now.Tenants {
		t := &now.Tenants[i]
		name, size := t.Subdomain, "-"
		if name == "" {
			name = t.ID
		}
		if t.Size != nil {
			size = strconv.FormatInt(*t.Size, 10)
		}
		rows = append(rows, []string{
			name, rate(t.Requests), rate(t.Failures), milliseconds(t.P95), strconv.Itoa(t.Connections), strconv.Itoa(t.Waiting), size, t.Server,
		})
	}
	return rows
}

// rate writes a number a second.
func rate(n float64) string { return strconv.FormatFloat(math.Round(n*10)/10, 'f', -1, 64) }

// milliseconds writes a duration in seconds.
func milliseconds(seconds float64) string {
	if seconds == 0 {
		return "-"
	}
	return strconv.FormatFloat(math.Round(seconds*10000)/10, 'f', -1, 64) + " ms"
}
