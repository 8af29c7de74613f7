package portable_test

import (
	"io/fs"
	"math"
	"math/rand/v2"
	"strings"
	"testing/fstest"
	"time"

	"tenantry/tenants"
)

// sample is a row with a column of every type.
type sample struct {
	ID       int64 `gorm:"primaryKey"`
	ParentID *int64
	Number   int64
	Yes      bool
	Text     string
	Maybe    *string
	Bytes    []byte
	At       time.Time
	Until    *time.Time
	Day      *time.Time `gorm:"type:date"`
	Ratio    float64
	Price    *float64
	Document string
	Secret   *string
}

// secret is a row of credentials.
type secret struct {
	Token []byte `gorm:"primaryKey"`
}

func sampleSchema() tenants.Schema {
	file := func(text string) fstest.MapFS {
		return fstest.MapFS{
			"00001_init.sql":  {Data: []byte("-- +goose Up\n" + text + "\n-- +goose Down\nDROP TABLE secrets; DROP TABLE samples;")},
			"00002_after.sql": {Data: []byte("-- +goose Up\nALTER TABLE secrets ADD COLUMN label text;\n-- +goose Down\nALTER TABLE secrets DROP COLUMN label;")},
		}
	}
	postgres := `CREATE TABLE samples (
		id bigserial PRIMARY KEY, parent_id bigint REFERENCES samples (id), number bigint NOT NULL, yes boolean NOT NULL, text text NOT NULL, maybe text,
		bytes bytea, at timestamptz NOT NULL, until timestamptz, day date, ratio double precision NOT NULL, price numeric(30, 2),
		document jsonb NOT NULL, secret text CHECK (secret <> ''));
		CREATE INDEX samples_at_idx ON samples (at); CREATE UNIQUE INDEX samples_number_key ON samples (number, id);
		CREATE TABLE secrets (token bytea PRIMARY KEY); INSERT INTO secrets VALUES ('made by a migration');`
	return tenants.Schema{
		Name: "samples", Models: []any{&sample{}, &secret{}}, Credentials: []string{"secrets", "samples.secret"},
		Migrations: map[string]fs.FS{
			"sqlite": file(strings.NewReplacer("bigserial PRIMARY KEY", "integer PRIMARY KEY AUTOINCREMENT", "bigint", "integer", "boolean", "numeric",
				"bytea", "blob", "timestamptz", "datetime", "double precision", "real", "numeric(30, 2)", "numeric", "jsonb", "text").Replace(postgres)),
			"postgres": file(postgres),
		},
	}
}

// randomSample returns a row with values at the edges of what both engines store.
func randomSample(r *rand.Rand, id int64) sample {
	pick := func(texts ...string) string { return texts[r.IntN(len(texts))] }
	texts := []string{"", " ", "a", "\\", "\\N", "\t\n\r\b\f\v", "'\"`", "ünïcode ☃ 𝄞", "%_", "null", "2026-01-02", "1", "0x41", strings.Repeat("long ", 5000)}
	text := pick(texts...)
	zone := time.FixedZone("", (r.IntN(27)-13)*3600+r.IntN(4)*900)
	at := time.Date(1+r.IntN(9998), time.Month(1+r.IntN(12)), 1+r.IntN(28), r.IntN(24), r.IntN(60), r.IntN(60), r.IntN(1e6)*1e3, zone)
	s := sample{
		ID: id, Number: []int64{0, 1, -1, math.MaxInt64, math.MinInt64, r.Int64()}[r.IntN(6)], Yes: r.IntN(2) == 1, Text: text,
		At: at, Ratio: []float64{0, 1, -1.5, 1e300, 5e-324, math.MaxFloat64, math.Inf(1), r.NormFloat64()}[r.IntN(8)],
		Document: pick(`{}`, `[]`, `null`, `"x"`, `{"b": 1, "a": [1.50, 1e3, -0.1, true, null]}`, `{"a":"\u00e4\n\"","":{}}`, `12345678901234567890.123`),
	}
	if r.IntN(2) == 1 {
		other, until, price := pick(texts...), at.Add(-time.Hour).UTC(), float64(r.IntN(1e6))/100
		day := time.Date(1+r.IntN(9998), time.Month(1+r.IntN(12)), 1+r.IntN(28), 0, 0, 0, 0, time.UTC)
		s.Maybe, s.Until, s.Price, s.Day = &other, &until, &price, &day
		s.Bytes = []byte{0, 1, '\\', '\n', 0xff}[:r.IntN(6)]
	}
	if id > 1 && r.IntN(2) == 1 {
		parent := 1 + r.Int64N(id-1)
		s.ParentID = &parent
	}
	if r.IntN(2) == 1 {
		hash := "classified hash"
		s.Secret = &hash
	}
	return s
}
