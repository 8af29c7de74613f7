package sqlite

import (
	"database/sql"
	"os"
	"path/filepath"
	"testing"
)

// TestWALWithoutItsEnd cuts a -wal file of two commits at every frame: only whole commits count.
func TestWALWithoutItsEnd(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.db")
	db := sql.OpenDB(connector{dsn: dsn(path, "mode=rwc&_journal_mode=WAL")})
	defer db.Close()
	db.SetMaxOpenConns(1)
	for _, statement := range []string{"PRAGMA journal_mode=WAL", "CREATE TABLE a AS SELECT zeroblob(20000) AS b", "UPDATE a SET b = randomblob(30000)"} {
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	content, err := os.ReadFile(path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	const frame = frameHeaderSize + 4096
	sizes := map[uint32]int{}
	for end := walHeaderSize; end <= len(content); end += frame {
		var count uint32
		pages, err := committedPages(content[:end], 4096, &count)
		if err != nil {
			t.Fatal(err)
		}
		if (count == 0) != (len(pages) == 0) {
			t.Errorf("%d pages of a database of %d", len(pages), count)
		}
		sizes[count]++
	}
	if len(sizes) != 3 || sizes[0] < 5 {
		t.Errorf("sizes after the cuts: %v", sizes)
	}
	content[walHeaderSize+frame+frameHeaderSize]++ // in the second frame
	var count uint32
	if pages, err := committedPages(content, 4096, &count); err != nil || len(pages) > 0 {
		t.Errorf("after damage: %d pages, %v", len(pages), err)
	}
}
