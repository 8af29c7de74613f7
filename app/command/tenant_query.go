package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"gorm.io/gorm"

	"tenantry/app"
	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
)

type queryCommand struct {
	SQL      string            `arg:"" name:"sql" help:"One statement that reads: SELECT, WITH, VALUES or EXPLAIN."`
	Tenant   subdomains        `placeholder:"SUBDOMAIN,..." help:"Ask only these tenants."`
	Except   subdomains        `placeholder:"SUBDOMAIN,..." help:"Leave out these tenants."`
	State    string            `help:"Ask those in this state: active, maintenance, suspended or archived."`
	Server   string            `help:"Ask those on this server."`
	Label    map[string]string `placeholder:"K=V" help:"Ask those on servers with this label."`
	Where    map[string]string `placeholder:"KEY=VALUE" mapsep:"none" help:"Ask those whose setting has this value."`
	Deadline time.Duration     `default:"10m" help:"End after this time; tenants that remain count as not reached."`
	Timeout  time.Duration     `default:"30s" help:"What one tenant's answer may take."`
	Parallel int               `default:"4" help:"How many tenants are asked at once, up to 32."`
	Rows     int               `default:"10000" help:"How many rows one tenant may answer with."`
	Into     string            `placeholder:"FILE" help:"Write the rows into this new file: .csv, .jsonl, or .db for SQLite."`
}

// Help is shown with the flags.
func (queryCommand) Help() string {
	return `Each tenant answers in a read-only transaction, on Postgres as its own role: the statement can neither write nor reach another tenant. Databases of idle tenants are opened for it and closed again, and requests come first. The first column of each row is the tenant's subdomain.

At the end it counts the tenants that answered, failed, were skipped because an operation works on them, and were not reached in time. The exit status is 1 unless all answered. With --json each row is a line, {"tenant": …, "row": {…}}, and the counts are the last one. A file that --into names must be new; in a SQLite file the table is called rows, and its first column tenant.

Examples:

    tenantry tenant query "SELECT count(*) AS open FROM tasks WHERE status <> 'done'"
    tenantry tenant query "SELECT email FROM users WHERE role = 'admin'" --state active --json
    tenantry tenant query "SELECT count(*) FROM users" --where plan=free
    tenantry tenant query "SELECT count(*) FROM users" --tenant acme,globex
    tenantry tenant query "SELECT count(*) FROM projects" --server default --into projects.csv
    tenantry tenant query "SELECT id, email FROM users" --into users.db && sqlite3 users.db "SELECT tenant, count(*) FROM rows GROUP BY tenant"`
}

// maxAnswer is the largest answer of one tenant, in bytes. Answers are held in memory until they are complete.
const maxAnswer = 16 << 20

// Run asks the tenants.
func (q *queryCommand) Run(c *Call) error {
	if err := q.check(); err != nil {
		return err
	}
	return c.With(func(a *app.App) error {
		search, err := a.Manager().ReadSearch(c.ctx, lifecycle.TypedSearch{State: q.State, Server: q.Server, Settings: q.Where})
		if err != nil {
			return filterError(err)
		}
		for _, subdomain := range slices.Concat(q.Tenant, q.Except) {
			if _, err := c.tenant(a, subdomain); err != nil {
				return err
			}
		}
		out, err := q.sink(c)
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeoutCause(c.ctx, q.Deadline, fmt.Errorf("interrupted: the deadline of %v has passed", q.Deadline))
		defer cancel()
		filter := tenants.Filter{State: tenants.State(q.State), Server: q.Server, Labels: q.Label, Settings: search.Settings, Subdomains: q.Tenant, Except: q.Except}
		options := tenants.EachOptions{Parallel: q.Parallel, Timeout: q.Timeout, Failed: func(t *tenants.Tenant, err error) { out.fail(c.out, t, err) }}
		reach, err := a.Store().Each(ctx, filter, options, func(t *tenants.Tenant, tx *gorm.DB) error {
			got, err := q.ask(tx)
			if err != nil {
				return err
			}
			return out.write(t.Subdomain, got)
		})
		err = errors.Join(err, out.close())
		if q.Into != "" && reach.Answered == 0 && (err != nil || !reach.IsWhole()) {
			err = errors.Join(err, os.Remove(q.Into)) // it is empty
		}
		if err != nil {
			return err
		}
		return tellReach(c.out, reach)
	})
}

// readingWords are the first words of the statements that a query may be.
var readingWords = [...]string{"SELECT", "WITH", "VALUES", "EXPLAIN", "TABLE"}

func (q *queryCommand) check() error {
	switch {
	case !slices.Contains(readingWords[:], tenants.Keyword(q.SQL, true)), tenants.Several(q.SQL, true), tenants.Several(q.SQL, false):
		return fmt.Errorf("%w: the query must be one statement that reads: SELECT, WITH, VALUES or EXPLAIN", errUsage)
	case q.Deadline <= 0 || q.Timeout <= 0:
		return fmt.Errorf("%w: --deadline and --timeout must be durations such as 30s", errUsage)
	case q.Parallel < 1 || q.Parallel > 32:
		return fmt.Errorf("%w: --parallel is %d: want a number from 1 to 32", errUsage, q.Parallel)
	case q.Rows < 1 || q.Rows > 1_000_000:
		return fmt.Errorf("%w: --rows is %d: want a number from 1 to 1000000", errUsage, q.Rows)
	}
	return nil
}

// rowSet is what one tenant answered.
type rowSet struct {
	columns []string
	rows    [][]any
}

// ask runs the query in a scope.
func (q *queryCommand) ask(tx *gorm.DB) (got rowSet, err error) {
	rows, err := tx.Raw(q.SQL).Rows()
	if err != nil {
		return got, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	if got.columns, err = rows.Columns(); err != nil {
		return got, err
	}
	size := 0
	for rows.Next() {
		row, into := make([]any, len(got.columns)), make([]any, len(got.columns))
		for i := range row {
			into[i] = &row[i]
		}
		if err := rows.Scan(into...); err != nil {
			return got, err
		}
		for i := range row {
			size += len(plain(readable(row[i])))
		}
		got.rows = append(got.rows, row)
		switch {
		case len(got.rows) > q.Rows:
			return got, fmt.Errorf("the answer has more than %d rows; ask for less, or give --rows", q.Rows)
		case size > maxAnswer:
			return got, fmt.Errorf("the answer is larger than %d MiB; ask for less", maxAnswer>>20)
		}
	}
	return got, rows.Err()
}

// tellReach writes the counts. Returns an error unless all answered.
func tellReach(out *Output, reach tenants.Reach) (err error) {
	if out.json {
		err = out.Document(reach)
	} else {
		out.Hint("%d answered, %d failed, %d skipped, %d not reached", reach.Answered, reach.Failed, reach.Skipped, reach.NotReached)
	}
	if !reach.IsWhole() {
		err = errors.Join(err, errors.New("not all tenants have answered"))
	}
	return err
}
