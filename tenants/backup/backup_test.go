package backup_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/superfly/ltx"

	"tenantry/tenants"
	"tenantry/tenants/backup"
	"tenantry/tenants/backup/queue"
	"tenantry/tenants/bucket"
	"tenantry/tenants/sqlite"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/tenantstest/notes"
	"tenantry/tenants/tenantstest/wait"
)

// world is a data folder with one tenant, and a bucket.
type world struct {
	engine *sqlite.Engine
	tenant *tenants.Tenant
	conns  *tenants.Conns
	bucket bucket.Bucket
	dir    string // of the backups' states
	*backup.Backups
}

func newWorld(t *testing.T) *world {
	t.Helper()
	engine, err := sqlite.New(sqlite.Config{Dir: t.TempDir(), Schema: notes.Schema()})
	must(t, err)
	t.Cleanup(func() { must(t, engine.Close()) })
	id := strings.ToLower(ulid.Make().String())
	w := &world{engine: engine, tenant: &tenants.Tenant{ID: id, Subdomain: "acme", Database: engine.DatabaseName(id)}, dir: filepath.Join(t.TempDir(), "backups")}
	must(t, engine.Create(t.Context(), w.tenant))
	w.bucket, err = bucket.OpenFolder(t.TempDir())
	must(t, err)
	w.conns, err = engine.Open(t.Context(), w.tenant)
	must(t, err)
	t.Cleanup(func() { must(t, w.conns.Close()) })
	w.restart(t)
	return w
}

// restart makes new backups, as a new process would.
func (w *world) restart(t *testing.T) {
	t.Helper()
	var err error
	w.Backups, err = backup.New(backup.Options{Bucket: w.bucket, Dir: w.dir, Snapshot: w.engine.Snapshot, Merge: 5, Interval: time.Millisecond})
	must(t, err)
}

func (w *world) exec(t *testing.T, statement string, args ...any) {
	t.Helper()
	_, err := w.conns.Write.Exec(statement, args...)
	must(t, err)
}

func (w *world) insert(t *testing.T, size int) {
	t.Helper()
	w.exec(t, "INSERT INTO folders (name, remark, created_at, updated_at) VALUES (?, zeroblob(?), '2026-01-01', '2026-01-01')", ulid.Make().String(), size)
}

// names are the folders' names in a database.
func names(t *testing.T, conns *tenants.Conns) string {
	t.Helper()
	var all *string
	must(t, conns.Read.QueryRow("SELECT group_concat(name || length(remark)) FROM (SELECT * FROM folders ORDER BY name)").Scan(&all))
	if all == nil {
		return ""
	}
	return *all
}

// restored returns the folders' names in the tenant's database as it was at a time.
func (w *world) restored(t *testing.T, at time.Time) string {
	t.Helper()
	engine, err := sqlite.New(sqlite.Config{Dir: t.TempDir(), Schema: notes.Schema()})
	must(t, err)
	defer func() { must(t, engine.Close()) }()
	identity, err := engine.Identity(t.Context())
	must(t, err)
	_, err = w.Restore(t.Context(), w.tenant.ID, at, filepath.Join(identity, "tenants", w.tenant.Database))
	must(t, err)
	conns, err := engine.Open(t.Context(), w.tenant)
	must(t, err)
	defer func() { must(t, conns.Close()) }()
	var finding string
	must(t, conns.Read.QueryRow("PRAGMA integrity_check").Scan(&finding))
	if finding != "ok" {
		t.Errorf("integrity: %s", finding)
	}
	return names(t, conns)
}

// moment is a time and what the database had then.
type moment struct {
	at   time.Time
	want string
}

func (w *world) moment(t *testing.T) moment {
	t.Helper()
	at := time.Now()
	for !time.Now().Truncate(time.Millisecond).After(at) { // times are stored in whole milliseconds
		time.Sleep(time.Millisecond / 4)
	}
	return moment{time.Now(), names(t, w.conns)}
}

// TestPointsInTime writes at random, and backs up after each write: every moment can be restored, also after processes
// began anew, forgot what they had stored, or found their folder as it was long ago.
func TestPointsInTime(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			random := rand.New(rand.NewPCG(seed, 2))
			var moments []moment
			old := t.TempDir()
			for i := range 70 {
				switch random.IntN(12) {
				case 0:
					w.exec(t, "DELETE FROM folders WHERE id % 2 = ?", random.IntN(2))
				case 1:
					w.exec(t, "PRAGMA wal_checkpoint(TRUNCATE)")
				case 2:
					w.insert(t, 200_000)
				case 3:
					w.restart(t)
				case 4:
					must(t, os.RemoveAll(w.dir))
					w.restart(t)
				case 5:
					must(t, os.RemoveAll(w.dir))
					must(t, os.CopyFS(w.dir, os.DirFS(old)))
					w.restart(t)
				default:
					w.insert(t, random.IntN(5000))
				}
				if i == 20 {
					must(t, os.CopyFS(old, os.DirFS(w.dir)))
				}
				must(t, w.Store(t.Context(), w.tenant))
				moments = append(moments, w.moment(t))
			}
			for i, m := range moments {
				if i%7 == 0 || i == len(moments)-1 {
					if got := w.restored(t, m.at); got != m.want {
						t.Errorf("moment %d: restored %q, want %q", i, got, m.want)
					}
				}
			}
			if got := w.restored(t, time.Time{}); got != moments[len(moments)-1].want {
				t.Errorf("the last: %q", got)
			}
			if _, err := w.Restore(t.Context(), w.tenant.ID, moments[0].at.Add(-time.Hour), filepath.Join(t.TempDir(), "x")); !errors.Is(err, backup.ErrNoBackup) {
				t.Errorf("before the first backup: %v", err)
			}
		})
	}
}

// TestFewFilesAreRead: however many backups there were, a restore reads few files.
func TestFewFilesAreRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 62 { // 25 and 50 make snapshots
		w.insert(t, 10)
		must(t, w.Store(t.Context(), w.tenant))
	}
	r, err := w.Restore(t.Context(), w.tenant.ID, time.Time{}, filepath.Join(t.TempDir(), "x"))
	must(t, err)
	if r.Files > 1+5+5 {
		t.Errorf("%d files", r.Files)
	}
}

// TestNothingChanged: a backup of what is stored already stores nothing.
func TestNothingChanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 3 {
		must(t, w.Store(t.Context(), w.tenant))
		w.exec(t, "PRAGMA wal_checkpoint(TRUNCATE)")
		w.restart(t)
	}
	if got := w.keys(t); len(got) != 1 {
		t.Errorf("stored %q", got)
	}
}

func (w *world) keys(t *testing.T) (keys []string) {
	t.Helper()
	for o, err := range w.bucket.List(t.Context(), "") {
		must(t, err)
		keys = append(keys, o.Key)
	}
	return keys
}

// TestDamagedBackups damages, cuts and swaps each file: a restore notices, and leaves nothing behind.
func TestDamagedBackups(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 4 {
		w.insert(t, 3000)
		must(t, w.Store(t.Context(), w.tenant))
	}
	keys := w.keys(t)
	contents := map[string]string{}
	for _, key := range keys {
		r, err := w.bucket.Get(t.Context(), key)
		must(t, err)
		content, err := io.ReadAll(r)
		must(t, errors.Join(err, r.Close()))
		contents[key] = string(content)
	}
	for i, key := range keys {
		content := contents[key]
		damages := map[string]string{
			"empty":   "",
			"cut":     content[:len(content)/2],
			"at end":  content[:len(content)-1],
			"flipped": content[:len(content)/2] + string(content[len(content)/2]^1) + content[len(content)/2+1:],
			"other":   contents[keys[(i+1)%len(keys)]],
			"foreign": "SQLite format 3\x00 and so on",
		}
		if i > 0 {
			damages["whole, with another page"] = withOtherPage(t, content)
		}
		for name, damaged := range damages {
			must(t, w.bucket.Put(t.Context(), key, strings.NewReader(damaged)))
			to := filepath.Join(t.TempDir(), "x")
			if _, err := w.Restore(t.Context(), w.tenant.ID, time.Time{}, to); !errors.Is(err, backup.ErrDamaged) {
				t.Errorf("%s, %s: %v", key, name, err)
			}
			if _, err := os.Stat(to); err == nil {
				t.Errorf("%s, %s: the file is there", key, name)
			}
		}
		must(t, w.bucket.Put(t.Context(), key, strings.NewReader(content)))
	}
	must(t, w.bucket.Delete(t.Context(), keys[1]))
	if r, err := w.Restore(t.Context(), w.tenant.ID, time.Time{}, filepath.Join(t.TempDir(), "x")); err == nil && r.Files == len(keys) {
		t.Error("a file is missing, and the restore is whole")
	}
}

// withOtherPage returns a file with another first page, whose own checksum is right.
func withOtherPage(t *testing.T, content string) string {
	t.Helper()
	decoder := ltx.NewDecoder(strings.NewReader(content))
	must(t, decoder.DecodeHeader())
	var changed bytes.Buffer
	encoder, err := ltx.NewEncoder(&changed)
	must(t, err)
	must(t, encoder.EncodeHeader(decoder.Header()))
	page := make([]byte, decoder.Header().PageSize)
	for first := true; ; first = false {
		var header ltx.PageHeader
		if err := decoder.DecodePage(&header, page); errors.Is(err, io.EOF) {
			break
		} else if must(t, err); first {
			page[len(page)-1]++
		}
		must(t, encoder.EncodePage(header, page))
	}
	must(t, decoder.Close())
	encoder.SetPostApplyChecksum(decoder.Trailer().PostApplyChecksum)
	must(t, encoder.Close())
	return changed.String()
}

// TestRunStoresCommits marks commits while Run works, on a bucket that fails now and then: all of them are stored.
func TestRunStoresCommits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.bucket = &failingBucket{Bucket: w.bucket}
	w.restart(t)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { w.Run(ctx); close(ended) }()
	for range 40 {
		w.insert(t, 100)
		w.Committed(w.tenant)
	}
	wait.For(t, "all to be stored", w.Status, func(s queue.Status) bool { return s.Waiting == 0 })
	stop()
	<-ended
	if got, want := w.restored(t, time.Time{}), names(t, w.conns); got != want {
		t.Errorf("restored %q, want %q", got, want)
	}
	if s := w.Status(); len(s.Failing) > 0 || s.Stored == 0 {
		t.Errorf("%+v", s)
	}
}

// failingBucket fails every second time.
type failingBucket struct {
	bucket.Bucket
	n int
}

// Put fails before or after it has stored a part.
func (f *failingBucket) Put(ctx context.Context, key string, r io.Reader) error {
	f.n++
	if f.n%2 == 1 {
		_, _ = io.CopyN(io.Discard, r, int64(f.n*50))
		return bucket.ErrUnavailable
	}
	return f.Bucket.Put(ctx, key, r)
}

// TestStateFiles: a state that is damaged in any place is not used.
func TestStateFiles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	must(t, w.Store(t.Context(), w.tenant))
	states, err := filepath.Glob(filepath.Join(w.dir, "*"))
	must(t, err)
	content, err := os.ReadFile(states[0])
	must(t, err)
	for i, damaged := range [][]byte{nil, content[:7], content[:20], content[:len(content)-1], slices.Concat(content, []byte{0}), append([]byte("x"), content[1:]...)} {
		must(t, os.WriteFile(states[0], damaged, 0o600))
		w.insert(t, 1)
		w.restart(t)
		if err := w.Store(t.Context(), w.tenant); err != nil {
			t.Errorf("%d: %v", i, err)
		}
		if got, want := w.restored(t, time.Time{}), names(t, w.conns); got != want {
			t.Errorf("%d: restored %q, want %q", i, got, want)
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestRestoreOfAShrunkDatabase restores a database that has lost its last pages, and got others.
func TestRestoreOfAShrunkDatabase(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	dir, err := w.engine.Identity(t.Context())
	must(t, err)
	db := tenantstest.OpenSQLite(t, filepath.Join(dir, "tenants", w.tenant.Database))
	for _, statement := range []string{"SELECT 1", "DELETE FROM folders WHERE id > 1", "VACUUM", "UPDATE folders SET remark = zeroblob(100000)"} {
		_, err := db.Exec(statement)
		must(t, err)
		must(t, w.Store(t.Context(), w.tenant))
		if got, want := w.restored(t, time.Time{}), names(t, w.conns); got != want {
			t.Errorf("after %s the folders are %s, want %s", statement, got, want)
		}
		w.insert(t, 50_000)
		w.insert(t, 50_000)
	}
}

// TestRestoreWithoutRoom restores to a disk that has less room than the database needs, and then enough.
func TestRestoreWithoutRoom(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.insert(t, 200_000)
	must(t, w.Store(t.Context(), w.tenant))
	for _, free := range []int64{100_000, 1 << 30} {
		backups, err := backup.New(backup.Options{
			Bucket: w.bucket, Dir: w.dir, Snapshot: w.engine.Snapshot, Free: func(string) (int64, bool) { return free, true },
		})
		must(t, err)
		to := filepath.Join(t.TempDir(), "restored.db")
		r, err := backups.Restore(t.Context(), w.tenant.ID, time.Time{}, to)
		var refused *tenants.RoomError
		if full := free < 200_000; full != (errors.As(err, &refused) && refused.Need > 200_000) || !full && r.Size < 200_000 {
			t.Errorf("with %d bytes free: %+v, %v", free, r, err)
		}
		if _, err := os.Stat(to); (err == nil) != (free > 200_000) {
			t.Errorf("with %d bytes free the file: %v", free, err)
		}
	}
}
