// Package portable keeps a tenant in one file, and copies tenants between engines.
//
//	portable.go    writes and reads files
//	copy.go        copies the rows of one database to another, and compares them
//	columns.go     pairs the tables and columns of both; kind.go says what their values mean
//	tosqlite.go    converts values of Postgres; topostgres.go converts those of SQLite
//	meaning.go     tells which values mean the same
//	hash.go        sums rows
//
// The file is a SQLite database with the tables that the migrations for SQLite make, at a schema version that its
// table _tenantry names. Values in it are stored as the application stores them on SQLite.
package portable

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"tenantry/tenants"
)

// format is the version of the file's format.
const format = 1

// Files opens portable files. Package sqlite has them.
type Files interface {
	// Create makes a new file at path, which must not exist, with the tables of a schema version.
	Create(ctx context.Context, path string, version int64) (FileWriter, error)
	// Open opens a file, and checks that it is whole and has the schema that the migrations make. Returns a
	// *tenants.SourceError or a *tenants.SchemaError if not.
	Open(ctx context.Context, path string) (FileReader, error)
	// Free returns how many bytes are free on the disk of a folder, and false if that is not known.
	Free(dir string) (free int64, known bool)
}

// FileWriter writes a portable file.
type FileWriter interface {
	tenants.RowWriter
	// WriteContents stores the contents of the files that the table ContentsOf names, which open opens by the file's id. One for
	// which open returns an error that wraps fs.ErrNotExist is left out.
	WriteContents(ctx context.Context, open func(ctx context.Context, id string) (io.ReadCloser, error)) error
	// Finish checks the rows, stores what the file says about itself, and makes the file durable. The caller must
	// still close the writer.
	Finish(ctx context.Context, about map[string]string) error
}

// FileReader reads a portable file.
type FileReader interface {
	tenants.RowReader
	// About returns what the file says about itself.
	About() map[string]string
	// Contents calls f for each content that the file has, with the SHA-256 that the table ContentsOf names. It must be read
	// before f returns.
	Contents(ctx context.Context, f func(id, sha256 string, content io.Reader) error) error
}

// ContentsOf is the table with a row for each file of the tenant, if it has such a table: that of package files.
const ContentsOf = "files"

// About is what a portable file says about itself.
type About struct {
	Format int `json:"format"`
	// Schema is the name of the schema, and SchemaVersion the version.
	Schema        string `json:"schema"`
	SchemaVersion int64  `json:"schema_version"`
	// Engine is the dialect of the engine from which the tenant came.
	Engine     string    `json:"engine"`
	ExportedAt time.Time `json:"exported_at"`
	// Subdomain and Name are the tenant's.
	Subdomain string `json:"subdomain"`
	Name      string `json:"name"`
	// Settings are the values of the tenant's own of the application's settings, as JSON.
	Settings string `json:"settings"`
	// Credentials says whether the file has password hashes, sessions, tokens and what else lets people sign in.
	Credentials bool  `json:"credentials"`
	Tables      []Sum `json:"tables"`
}

// Rows returns the number of rows of all tables.
func (a About) Rows() (n int64) {
	for _, t := range a.Tables {
		n += t.Rows
	}
	return n
}

// Write writes the rows of a database into a new file at path. a says what is known about the tenant. It returns
// what the file says. After an error the caller must remove the file.
func Write(ctx context.Context, files Files, path string, from tenants.RowReader, a About, o Options) (About, error) {
	into, err := files.Create(ctx, path, from.Version())
	if err != nil {
		return a, err
	}
	a.Format, a.Schema, a.SchemaVersion, a.Engine = format, o.Schema.Name, from.Version(), from.Dialect()
	if a.Tables, err = Copy(ctx, from, into, o); err == nil && o.Contents != nil {
		err = into.WriteContents(ctx, o.Contents)
	}
	if err == nil {
		err = into.Finish(ctx, a.pairs())
	}
	return a, errors.Join(err, into.Close())
}

// Open opens a file, which must be of the schema. The caller must close the reader. Copy compares its rows with the
// sums in About.
func Open(ctx context.Context, files Files, path string, schema tenants.Schema) (tenants.RowReader, About, error) {
	r, err := files.Open(ctx, path)
	if err != nil {
		return nil, About{}, err
	}
	a, err := read(r.About())
	if err == nil {
		err = a.check(r, schema)
	}
	if err != nil {
		return nil, About{}, errors.Join(err, r.Close())
	}
	return r, a, nil
}

// check returns a *tenants.SourceError unless the file can be read with the schema.
func (a About) check(r tenants.RowReader, schema tenants.Schema) error {
	switch {
	case a.Format > format:
		return &tenants.SourceError{Reason: fmt.Sprintf("its format is %d, and this program reads at most %d: a newer program made it", a.Format, format)}
	case a.Schema != schema.Name:
		return &tenants.SourceError{Reason: fmt.Sprintf("it is of another application: its schema is %q, and this program's is %q", a.Schema, schema.Name)}
	case a.SchemaVersion != r.Version():
		return &tenants.SourceError{Reason: fmt.Sprintf("it says that its schema version is %d, and it is %d", a.SchemaVersion, r.Version())}
	}
	return nil
}

// pairs returns what a file stores.
func (a About) pairs() map[string]string {
	pairs := map[string]string{
		"format": strconv.Itoa(a.Format), "schema": a.Schema, "schema_version": strconv.FormatInt(a.SchemaVersion, 10), "engine": a.Engine,
		"exported_at": a.ExportedAt.UTC().Format(time.RFC3339Nano), "subdomain": a.Subdomain, "name": a.Name, "settings": a.Settings,
		"credentials": strconv.FormatBool(a.Credentials),
	}
	for _, t := range a.Tables {
		pairs["rows "+t.Table], pairs["hash "+t.Table] = strconv.FormatInt(t.Rows, 10), t.Hash
	}
	return pairs
}

// read reads what pairs has written.
func read(pairs map[string]string) (a About, err error) {
	a = About{Schema: pairs["schema"], Engine: pairs["engine"], Subdomain: pairs["subdomain"], Name: pairs["name"], Settings: pairs["settings"]}
	number := func(name string) (n int64) {
		n, failure := strconv.ParseInt(pairs[name], 10, 64)
		if failure != nil {
			err = &tenants.SourceError{Reason: fmt.Sprintf("what it says about itself is damaged: %s is %.40q", name, pairs[name])}
		}
		return n
	}
	a.Format, a.SchemaVersion = int(number("format")), number("schema_version")
	a.ExportedAt, _ = time.Parse(time.RFC3339Nano, pairs["exported_at"])
	a.Credentials = pairs["credentials"] == "true"
	for name, hash := range pairs {
		if table, ok := strings.CutPrefix(name, "hash "); ok {
			a.Tables = append(a.Tables, Sum{table, number("rows " + table), hash})
		}
	}
	slices.SortFunc(a.Tables, func(x, y Sum) int { return strings.Compare(x.Table, y.Table) })
	return a, err
}
