package command

import (
	"context"
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"tenantry/tenants"
	"tenantry/tenants/sqlite"
)

// sink writes answers one at a time. It is safe for concurrent use.
type sink struct {
	mu sync.Mutex
	to rows
}

// rows writes the rows of one tenant after those of another.
type rows interface {
	add(tenant string, got rowSet) error
	close() error
}

// sink returns where the rows go: to the file that --into names, by its ending, or to standard output.
func (q *queryCommand) sink(c *Call) (*sink, error) {
	if q.Into == "" {
		if c.out.json {
			return &sink{to: &lines{document: c.out.Document}}, nil
		}
		return &sink{to: &table{out: c.out}}, nil
	}
	var to rows
	var err error
	switch filepath.Ext(q.Into) {
	case ".csv":
		to, err = openFile(q.Into, func(file *os.File) rows { return &sheet{file: file, csv: csv.NewWriter(file)} })
	case ".jsonl", ".ndjson":
		to, err = openFile(q.Into, func(file *os.File) rows {
			encoder := json.NewEncoder(file)
			encoder.SetEscapeHTML(false)
			return &lines{file: file, document: encoder.Encode}
		})
	case ".db", ".sqlite", ".sqlite3":
		var file *sqlite.RowFile
		file, err = sqlite.CreateRowFile(c.ctx, q.Into)
		to = &database{c.ctx, file}
	default:
		return nil, fmt.Errorf("%w: --into %s: the name must end in .csv, .jsonl or .db", errUsage, q.Into)
	}
	if err != nil {
		return nil, fmt.Errorf("create the file for the rows: %w", err)
	}
	return &sink{to: to}, nil
}

func openFile(path string, on func(file *os.File) rows) (rows, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	return on(file), nil
}

func (s *sink) write(tenant string, got rowSet) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.to.add(tenant, got)
}

func (s *sink) close() error { return s.to.close() }

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

// table writes lines for people, under a header of its own if the columns differ from those before.
type table struct {
	out    *Output
	header []string
}

func (w *table) add(tenant string, got rowSet) error {
	fields := got.fields(tenant)
	if header := got.header("TENANT"); !slices.Equal(w.header, header) {
		w.header = header
		if !w.out.noHeader {
			fields = append([][]string{header}, fields...)
		}
	}
	for _, row := range fields {
		if err := w.out.Line("%s", strings.Join(oneLine(slices.Clone(row)), "\t")); err != nil {
			return err
		}
	}
	return nil
}

func (w *table) close() error { return nil }

// sheet writes a CSV file, which has one header.
type sheet struct {
	file   *os.File
	csv    *csv.Writer
	header []string
}

func (w *sheet) add(tenant string, got rowSet) error {
	fields, header := got.fields(tenant), got.header("TENANT")
	switch {
	case w.header == nil:
		w.header, fields = header, append([][]string{header}, fields...)
	case !slices.Equal(w.header, header):
		return errors.New("the columns differ from those of the tenants before; a CSV file has one header")
	}
	return w.csv.WriteAll(fields)
}

func (w *sheet) close() error {
	w.csv.Flush()
	return errors.Join(w.csv.Error(), w.file.Close())
}

// lines writes a line of JSON for each row.
type lines struct {
	file     *os.File // nil for standard output
	document func(v any) error
}

func (w *lines) add(tenant string, got rowSet) error {
	for i, column := range got.columns {
		if slices.Contains(got.columns[:i], column) {
			return fmt.Errorf("the column %q is twice in the answer: give names with AS", column)
		}
	}
	for _, values := range got.rows {
		row := map[string]any{}
		for i, column := range got.columns {
			row[column] = readable(values[i])
		}
		err := w.document(struct {
			Tenant string         `json:"tenant"`
			Row    map[string]any `json:"row"`
		}{tenant, row})
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

func (w *lines) close() error {
	if w.file == nil {
		return nil
	}
	return w.file.Close()
}

// database writes a SQLite file.
type database struct {
	ctx  context.Context
	file *sqlite.RowFile
}

func (w *database) add(tenant string, got rowSet) error {
	all := make([][]any, len(got.rows))
	for i, row := range got.rows {
		all[i] = []any{tenant}
		for _, value := range row {
			if at, isTime := value.(time.Time); isTime {
				value = readable(at)
			}
			all[i] = append(all[i], value)
		}
	}
	return w.file.Write(w.ctx, got.header("tenant"), all)
}

func (w *database) close() error { return w.file.Close() }

// header returns the columns after that of the tenant.
func (r rowSet) header(tenant string) []string { return append([]string{tenant}, r.columns...) }

// fields returns the rows as texts, each after the tenant's.
func (r rowSet) fields(tenant string) (all [][]string) {
	for _, row := range r.rows {
		fields := []string{tenant}
		for _, value := range row {
			fields = append(fields, plain(readable(value)))
		}
		all = append(all, fields)
	}
	return all
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
