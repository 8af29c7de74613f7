package command

import (
	"context"
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"gorm.io/gorm"

	"tenantry/app"
	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
)

type queryCommand struct {
	SQL      string            `arg:"" name:"sql" help:"One statement that reads: SELECT, WITH, VALUES or EXPLAIN."`
	State    string            `help:"Ask those in this state: active, maintenance, suspended or archived."`
	Server   string            `help:"Ask those on this server."`
	Label    map[string]string `placeholder:"K=V" help:"Ask those on servers with this label."`
	Where    map[string]string `placeholder:"KEY=VALUE" mapsep:"none" help:"Ask those whose setting has this value."`
	Deadline time.Duration     `default:"10m" help:"End after this time; tenants that remain count as not reached."`
	Timeout  time.Duration     `default:"30s" help:"What one tenant's answer may take."`
	Parallel int               `default:"4" help:"How many tenants are asked at once, up to 32."`
	Rows     int               `default:"10000" help:"How many rows one tenant may answer with."`
	Into     string            `placeholder:"FILE" help:"Write the rows into this new CSV file."`
}

// Help is shown with the flags.
func (queryCommand) Help() string {
	return `Each tenant answers in a read-only transaction, on Postgres as its own role: the statement can neither write nor reach another tenant. Databases of idle tenants are opened for it and closed again, and requests come first. The first column of each row is the tenant's subdomain.

At the end it counts the tenants that answered, failed, were skipped because an operation works on them, and were not reached in time. The exit status is 1 unless all answered. With --json each row is a line, {"tenant": …, "row": {…}}, and the counts are the last one.

Examples:

    tenantry tenant query "SELECT count(*) AS open FROM tasks WHERE status <> 'done'"
    tenantry tenant query "SELECT email FROM users WHERE role = 'admin'" --state active --json
    tenantry tenant query "SELECT count(*) FROM users" --where plan=free
    tenantry tenant query "SELECT count(*) FROM projects" --server default --into projects.csv`
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
		out, err := q.sink(c.out)
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(c.ctx, q.Deadline)
		defer cancel()
		filter := tenants.Filter{State: tenants.State(q.State), Server: q.Server, Labels: q.Label, Settings: search.Settings}
		options := tenants.EachOptions{Parallel: q.Parallel, Timeout: q.Timeout, Failed: func(t *tenants.Tenant, err error) { out.fail(c.out, t, err) }}
		reach, err := a.Store().Each(ctx, filter, options, func(t *tenants.Tenant, tx *gorm.DB) error {
			got, err := q.ask(tx)
			if err != nil {
				return err
			}
			return out.write(t, got)
		})
		if err := errors.Join(err, out.close()); err != nil {
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
			row[i] = readable(row[i])
			size += len(plain(row[i]))
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

// readable returns a value as JSON has it: bytes that are no text in base64, times as RFC 3339.
func readable(value any) any {
	switch v := value.(type) {
	case []byte:
		if utf8.Valid(v) {
			return string(v)
		}
		return base64.StdEncoding.EncodeToString(v)
	case time.Time:
		return v.UTC().Format(time.RFC3339Nano)
	}
	return value
}

// plain returns a value as a field of a table.
func plain(value any) string {
	if value == nil {
		return ""
	}
	return fmt.Sprint(value)
}

// sink writes answers one at a time. It is safe for concurrent use.
type sink struct {
	mu     sync.Mutex
	out    *Output
	file   *os.File    // nil unless --into was given
	csv    *csv.Writer // on file
	header []string    // as it was written last
}

func (q *queryCommand) sink(out *Output) (*sink, error) {
	s := &sink{out: out}
	if q.Into == "" {
		return s, nil
	}
	if !strings.HasSuffix(q.Into, ".csv") {
		return nil, fmt.Errorf("%w: --into %s: the name must end in .csv", errUsage, q.Into)
	}
	file, err := os.OpenFile(q.Into, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("create the file for the rows: %w", err)
	}
	s.file, s.csv = file, csv.NewWriter(file)
	return s, nil
}

// write writes one tenant's answer, under a header of its own if its columns differ from those before.
func (s *sink) write(t *tenants.Tenant, got rowSet) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.out.json && s.file == nil {
		return s.writeJSON(t, got)
	}
	rows := [][]string{}
	header := append([]string{"TENANT"}, got.columns...)
	if !slices.Equal(s.header, header) {
		if s.file != nil && s.header != nil {
			return errors.New("the columns differ from those of the tenants before; a CSV file has one header")
		}
		s.header = header
		if s.file != nil || !s.out.noHeader {
			rows = append(rows, header)
		}
	}
	for _, row := range got.rows {
		fields := []string{t.Subdomain}
		for _, value := range row {
			fields = append(fields, plain(value))
		}
		rows = append(rows, fields)
	}
	if s.file != nil {
		return s.csv.WriteAll(rows)
	}
	for _, row := range rows {
		if err := s.out.Line("%s", strings.Join(oneLine(row), "\t")); err != nil {
			return err
		}
	}
	return nil
}

// oneLine keeps tabs, line breaks and control characters of values out of a table.
func oneLine(fields []string) []string {
	for i := range fields {
		fields[i] = strings.Map(func(r rune) rune {
			if r < ' ' || r == 0x7f {
				return ' '
			}
			return r
		}, fields[i])
	}
	return fields
}

func (s *sink) writeJSON(t *tenants.Tenant, got rowSet) error {
	for _, values := range got.rows {
		row := map[string]any{}
		for i, column := range got.columns {
			row[column] = values[i]
		}
		err := s.out.Document(struct {
			Tenant string         `json:"tenant"`
			Row    map[string]any `json:"row"`
		}{t.Subdomain, row})
		var unsupported *json.UnsupportedValueError
		if errors.As(err, &unsupported) {
			return fmt.Errorf("a value can't be written as JSON: %s", unsupported.Str)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// fail tells that a tenant did not answer.
func (s *sink) fail(out *Output, t *tenants.Tenant, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := err.Error()
	if !strings.Contains(text, t.Subdomain) {
		text = fmt.Sprintf("tenant %q: %s", t.Subdomain, text)
	}
	out.Hint("%s", text)
}

func (s *sink) close() error {
	if s.file == nil {
		return nil
	}
	s.csv.Flush()
	return errors.Join(s.csv.Error(), s.file.Close())
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
