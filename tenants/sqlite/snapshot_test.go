package sqlite_test

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"tenantry/tenants"
	"tenantry/tenants/sqlite"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/tenantstest/notes"
)

// image is what a reader of snapshots knows of a database: each page, as it was last given.
type image struct {
	pages map[uint32]string
	count uint32
	stamp sqlite.Stamp
}

// take takes a snapshot and applies it.
func (im *image) take(t *testing.T, engine *sqlite.Engine, tenant *tenants.Tenant) (whole bool) {
	t.Helper()
	s, err := engine.Snapshot(t.Context(), tenant, im.stamp)
	must(t, err)
	defer func() { must(t, s.Close()) }()
	if im.pages == nil {
		im.pages = map[uint32]string{}
	}
	last := uint32(0)
	for range 2 { // it can be read again
		last = 0
		must(t, s.Each(func(number uint32, page []byte) error {
			if number <= last || len(page) != 4096 {
				t.Errorf("page %d of %d bytes after page %d", number, len(page), last)
			}
			im.pages[number], last = string(page), number
			return nil
		}))
	}
	if s.Whole && last != s.PageCount {
		t.Errorf("the whole has %d pages of %d", last, s.PageCount)
	}
	im.count, im.stamp = s.PageCount, s.Stamp
	return s.Whole
}

// rows are the folders in the image, opened as the tenant's database in another data folder.
func (im *image) rows(t *testing.T, tenant *tenants.Tenant) (names []string) {
	t.Helper()
	engine, dir := newEngine(t, notes.Schema())
	var content []byte
	for n := uint32(1); n <= im.count; n++ {
		content = append(content, im.pages[n]...)
	}
	must(t, os.WriteFile(path(dir, tenant), content, 0o600))
	conns, err := engine.Open(t.Context(), tenant)
	must(t, err)
	defer func() { must(t, conns.Close()) }()
	var finding string
	must(t, conns.Read.QueryRow("PRAGMA integrity_check").Scan(&finding))
	if finding != "ok" {
		t.Errorf("integrity: %s", finding)
	}
	return folders(t, conns.Read)
}

func folders(t *testing.T, db *sql.DB) (names []string) {
	t.Helper()
	rows, err := db.Query("SELECT name || length(remark) FROM folders ORDER BY id")
	must(t, err)
	defer rows.Close()
	for rows.Next() {
		var name string
		must(t, rows.Scan(&name))
		names = append(names, name)
	}
	must(t, rows.Err())
	return names
}

// age makes a file look as if it had been written some time ago, so that its stamp counts.
func age(t *testing.T, path string, ago time.Duration) {
	t.Helper()
	then := time.Now().Truncate(24 * time.Hour).Add(-ago)
	must(t, os.Chtimes(path, then, then))
}

// TestSnapshotsFollow takes snapshots while rows are written at random, checkpoints are made, the database grows and
// shrinks, and handles are closed: each image has exactly the rows of its moment, however few pages it was given.
func TestSnapshotsFollow(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			engine, dir := newEngine(t, notes.Schema())
			tenant := create(t, engine)
			conns, err := engine.Open(t.Context(), tenant)
			must(t, err)
			defer func() { must(t, conns.Close()) }()
			random := rand.New(rand.NewPCG(seed, 1))
			var im image
			parts, written := 0, time.Hour // how long ago the file was written
			for range 60 {
				for range random.IntN(4) {
					_, err := conns.Write.Exec("INSERT INTO folders (name, remark, created_at, updated_at) VALUES (?, ?, '2026-01-01', '2026-01-01')",
						fmt.Sprint("f", random.Uint64()), string(make([]byte, random.IntN(9000))))
					must(t, err)
				}
				switch random.IntN(8) {
				case 0:
					_, err := conns.Write.Exec("DELETE FROM folders WHERE id % 3 = ?", random.IntN(3))
					must(t, err)
				case 1:
					written--
					_, err := conns.Write.Exec("PRAGMA wal_checkpoint(RESTART)")
					must(t, err)
				case 2:
					written--
					tenantstest.Alter(t, tenantstest.SQLite, dir, tenant, "VACUUM")
				case 3:
					written--
					must(t, conns.Close())
					conns, err = engine.Open(t.Context(), tenant)
					must(t, err)
				}
				age(t, path(dir, tenant), written)
				if !im.take(t, engine, tenant) {
					parts++
				}
				if got, want := fmt.Sprint(im.rows(t, tenant)), fmt.Sprint(folders(t, conns.Read)); got != want {
					t.Fatalf("the image has %s, the database %s", got, want)
				}
			}
			if parts == 0 {
				t.Error("every snapshot was whole")
			}
		})
	}
}

// TestSnapshotsLeaveNothing: a snapshot leaves no file behind, and refuses another tenant's database.
func TestSnapshotsLeaveNothing(t *testing.T) {
	t.Parallel()
	engine, dir := newEngine(t, notes.Schema())
	tenant := create(t, engine)
	before := len(files(t, dir))
	var im image
	im.take(t, engine, tenant)
	if after := files(t, dir); len(after) != before {
		t.Errorf("%d files before, %d after", before, len(after))
	}
	other := create(t, engine)
	must(t, os.Rename(path(dir, other), path(dir, tenant)))
	if s, err := engine.Snapshot(t.Context(), tenant, sqlite.Stamp{}); err == nil {
		must(t, s.Close())
		t.Error("a snapshot of another tenant's database")
	}
}

// TestSnapshotOfUncommitted: what isn't committed is in no snapshot, even if it is in the -wal file.
func TestSnapshotOfUncommitted(t *testing.T) {
	t.Parallel()
	engine, dir := newEngine(t, notes.Schema())
	tenant := create(t, engine)
	conns, err := engine.Open(t.Context(), tenant)
	must(t, err)
	defer func() { must(t, conns.Close()) }()
	_, err = conns.Write.Exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200)
		INSERT INTO folders (name, remark, created_at, updated_at) SELECT i, '', '2026-01-01', '2026-01-01' FROM n`)
	must(t, err)
	age(t, path(dir, tenant), time.Hour)
	var im image
	im.take(t, engine, tenant)
	tx, err := conns.Write.Begin()
	must(t, err)
	for _, statement := range []string{"PRAGMA cache_size=1", "UPDATE folders SET remark = zeroblob(5000)"} { // written to the file at once
		_, err := tx.Exec(statement)
		must(t, err)
	}
	if info, err := os.Stat(path(dir, tenant) + "-wal"); err != nil || info.Size() < 100*5000 {
		t.Fatalf("the -wal file is %v, %v", info, err)
	}
	if im.take(t, engine, tenant) {
		t.Error("the snapshot is whole")
	}
	var whole image
	whole.take(t, engine, tenant)
	for n := uint32(2); n <= whole.count; n++ { // a copy's page 1 says how often the copy was changed
		if whole.pages[n] != im.pages[n] {
			t.Errorf("page %d differs from that of a whole snapshot", n)
		}
	}
	before := fmt.Sprint(im.rows(t, tenant))
	must(t, tx.Commit())
	im.take(t, engine, tenant)
	if after := fmt.Sprint(im.rows(t, tenant)); after == before {
		t.Error("the commit isn't in the next snapshot")
	}
}
