package files_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"testing/iotest"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/bucket"
	"tenantry/tenants/files"
	"tenantry/tenants/jobs"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/tenantstest/notes"
	"tenantry/tenants/tenantstest/s3server"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// schema is that of notes, with the table of files.
func schema(t testing.TB) tenants.Schema {
	t.Helper()
	s := notes.Schema()
	s.Models = append(s.Models, &files.Row{}, &jobs.Row{})
	for dialect := range s.Migrations {
		all := fstest.MapFS{}
		for i, from := range []fs.FS{s.Migrations[dialect], jobs.Migrations()[dialect], files.Migrations()[dialect]} {
			must(t, fs.WalkDir(from, ".", func(name string, entry fs.DirEntry, err error) error {
				if err != nil || entry.IsDir() {
					return err
				}
				data, err := fs.ReadFile(from, name)
				number, _, _ := strings.Cut(name, "_")
				n, _ := strconv.Atoi(number)
				all[fmt.Sprintf("%05d_%d.sql", 10*i+n, i)] = &fstest.MapFile{Data: data}
				return err
			}))
		}
		s.Migrations[dialect] = all
	}
	return s
}

// open returns a Store whose contents are in the folder.
func open(t testing.TB, env *tenantstest.Env, dir string, grace time.Duration, interrupt func(point string)) *files.Store {
	t.Helper()
	b, err := bucket.OpenFolder(dir)
	must(t, err)
	return files.New(files.Options{Bucket: b, Tenants: env.Store, MaxSize: 1 << 20, Grace: grace, Interrupt: interrupt})
}

// keep stores a content as a file of the tenant's.
func keep(t testing.TB, env *tenantstest.Env, s *files.Store, tenant *tenants.Tenant, content string) (row files.Row, err error) {
	t.Helper()
	staged, err := s.Stage(t.Context(), tenant, strings.NewReader(content), 0)
	if err != nil {
		return row, err
	}
	defer staged.Discard(t.Context())
	err = env.Store.Update(t.Context(), tenant, func(tx *gorm.DB) error {
		row, err = staged.Keep(tx, "text/plain")
		return err
	})
	return row, err
}

func content(t testing.TB, s *files.Store, tenant *tenants.Tenant, row files.Row) (string, error) {
	t.Helper()
	r := s.Open(t.Context(), tenant, row)
	err := r.Start()
	if err != nil {
		return "", err
	}
	defer r.Close()
	text, err := io.ReadAll(r)
	return string(text), err
}

// stored lists the files below a folder.
func stored(t testing.TB, dir string) (names []string) {
	t.Helper()
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm() != 0o600 {
			t.Errorf("%s is %v", path, info.Mode())
		}
		names = append(names, strings.TrimPrefix(path, dir+"/"))
		return err
	}))
	return names
}

// TestFiles are read as they were stored, only by their tenant, and are gone with their scope, with their tenant, and never else.
func TestFiles(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{Schema: schema(t)}, func(t *testing.T, env *tenantstest.Env) {
		in := anyBucket(t, env)
		s := files.New(files.Options{Bucket: in, Tenants: env.Store, MaxSize: 1 << 20})
		a, b := env.Tenant(t, "acme"), env.Tenant(t, "globex")
		row, err := keep(t, env, s, a, "of acme")
		must(t, err)
		other, err := keep(t, env, s, b, "of globex")
		must(t, err)
		if got, err := content(t, s, a, row); err != nil || got != "of acme" || row.Size != 7 || row.Type != "text/plain" {
			t.Errorf("got %q, %v: %+v", got, err, row)
		}
		for name, id := range map[string]string{"another tenant's": other.ID, "a path to another tenant's": "../" + b.ID + "/" + other.ID, "a path": "../x", "an absolute one": "/etc/passwd", "none": ""} {
			if got, err := content(t, s, a, files.Row{ID: id}); err == nil {
				t.Errorf("%s is read: %q", name, got)
			}
		}
		refused := errors.New("refused")
		staged, err := s.Stage(t.Context(), a, strings.NewReader("x"), 0)
		must(t, err)
		err = env.Store.Update(t.Context(), a, func(tx *gorm.DB) error {
			_, err := staged.Keep(tx, "not a type")
			return errors.Join(err, refused)
		})
		if !errors.Is(err, refused) {
			t.Errorf("got %v", err)
		}
		for name, broken := range map[string]struct {
			r    io.Reader
			most int64
			want error
		}{
			"broken off":      {iotest.ErrReader(refused), 0, refused},
			"too large":       {strings.NewReader("12345"), 4, files.ErrTooLarge},
			"larger than any": {io.LimitReader(rand.NewChaCha8([32]byte{}), 1<<20+1), 0, files.ErrTooLarge},
		} {
			if _, err := s.Stage(t.Context(), a, broken.r, broken.most); !errors.Is(err, broken.want) {
				t.Errorf("%s: %v", name, err)
			}
		}
		var names []string
		for o, err := range in.List(t.Context(), "") {
			must(t, err)
			names = append(names, o.Key)
		}
		if len(names) != 2 {
			t.Errorf("there are %q", names)
		}
		var damaged *tenants.SourceError
		for id, hash := range map[string]string{strings.Repeat("0", 26): other.SHA256, "../" + b.ID + "/" + other.ID: row.SHA256} {
			if err := s.WriteContent(t.Context(), a.ID, id, hash, strings.NewReader("of acme")); !errors.As(err, &damaged) {
				t.Errorf("a content of a file that isn't what it says: %v", err)
			}
			if got, err := content(t, s, a, files.Row{ID: id}); err == nil {
				t.Errorf("it is stored: %q", got)
			}
		}
		must(t, s.Erase(t.Context(), a.ID))
		if _, err := content(t, s, a, row); !errors.Is(err, files.ErrLost) {
			t.Errorf("an erased file: %v", err)
		}
		if got, err := content(t, s, b, other); err != nil || got != "of globex" {
			t.Errorf("another tenant's file: %q, %v", got, err)
		}
	})
}

// TestPlacesAreShared: the more places tenants hold, the fewer each of them gets, so that others find one. What is given back is there
// for them.
func TestPlacesAreShared(t *testing.T) {
	t.Parallel()
	env := tenantstest.New(t, tenantstest.Options{Schema: schema(t)})
	s := open(t, env, t.TempDir(), 0, nil)
	acme := env.Tenant(t, "acme")
	var held sync.WaitGroup
	defer held.Wait()
	// take stores files of a tenant until one is refused, and returns how many are being stored. They end with ended.
	ended, end := context.WithCancel(t.Context())
	defer end()
	take := func(id string) (n int) {
		of := *acme
		of.ID = id
		for ; n < 100; n++ {
			begun, refused := make(chan struct{}), make(chan error, 1)
			held.Go(func() {
				_, err := s.Stage(context.Background(), &of, &blocked{begun: begun, ended: ended.Done()}, 0)
				refused <- err
			})
			select {
			case <-begun:
			case err := <-refused:
				if !errors.Is(err, files.ErrBusy) {
					t.Fatalf("stage: %v", err)
				}
				return n
			}
		}
		return n
	}
	var got []int
	for i := range 10 {
		got = append(got, take(fmt.Sprintf("01m00000000000000000000%03d", i)))
	}
	if fmt.Sprint(got) != "[4 3 2 2 1 1 1 1 1 0]" {
		t.Errorf("places of tenants, one after another: %v", got)
	}
	end()
	held.Wait()
	if _, err := s.Stage(t.Context(), acme, strings.NewReader("x"), 0); err != nil {
		t.Errorf("after all have ended: %v", err)
	}
}

// blocked is a body that doesn't come.
type blocked struct {
	once  sync.Once
	begun chan struct{}
	ended <-chan struct{}
}

func (b *blocked) Read([]byte) (int, error) {
	b.once.Do(func() { close(b.begun) })
	<-b.ended
	return 0, io.ErrUnexpectedEOF
}

// TestRemovalWaitsForCopies: the content of a removed file stays as long as a copy of the database from before a migration is
// kept, because the copy names it; then it is removed.
func TestRemovalWaitsForCopies(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{Schema: schema(t)}, func(t *testing.T, env *tenantstest.Env) {
		s := open(t, env, t.TempDir(), time.Hour, nil)
		workers := jobs.NewWorkers()
		s.Register(workers)
		runner := jobs.New(env.Store, workers, jobs.Config{})
		tenant := env.Tenant(t, "acme")
		row, err := keep(t, env, s, tenant, "text")
		must(t, err)
		master := env.Store.Master()
		kept := tenants.MigrationCopy{RunID: strings.Repeat("0", 26), TenantID: tenant.ID, Server: tenant.Server, Database: tenant.Database, MadeAt: time.Now()}
		must(t, master.Update(t.Context(), func(tx *gorm.DB) error { return tx.Create(&kept).Error }))
		must(t, env.Store.Update(t.Context(), tenant, func(tx *gorm.DB) error { return files.Remove(tx, row.ID) }))
		drain := func() {
			must(t, env.Store.Update(t.Context(), tenant, func(tx *gorm.DB) error {
				return tx.Model(&jobs.Row{}).Where("kind = 'files.remove'").Update("scheduled_at", time.Now().UTC()).Error
			}))
			must(t, runner.Drain(t.Context(), tenant))
		}
		for range 2 {
			drain()
		}
		if got, err := content(t, s, tenant, row); err != nil || got != "text" {
			t.Fatalf("with a copy: %q, %v", got, err)
		}
		must(t, master.Update(t.Context(), func(tx *gorm.DB) error { return tx.Delete(&kept).Error }))
		drain()
		if got, err := content(t, s, tenant, row); !errors.Is(err, files.ErrLost) {
			t.Errorf("without a copy: %q, %v", got, err)
		}
	})
}

// anyBucket returns a folder for tenants on SQLite, and an S3 bucket for others.
func anyBucket(t *testing.T, env *tenantstest.Env) bucket.Bucket {
	t.Helper()
	if env.Kind == tenantstest.SQLite {
		b, err := bucket.OpenFolder(t.TempDir())
		must(t, err)
		return b
	}
	server := s3server.Start(t)
	b, err := bucket.OpenS3(bucket.S3{
		Endpoint: server.Endpoint, Bucket: server.Bucket(t, false), Prefix: "some/files", AccessKey: server.AccessKey, SecretKey: server.SecretKey,
	})
	must(t, err)
	return b
}

// TestFullStorage: the errors are those of a full and of a missing disk.
func TestFullStorage(t *testing.T) {
	t.Parallel()
	env := tenantstest.New(t, tenantstest.Options{Schema: schema(t)})
	tenant := env.Tenant(t, "acme")
	for _, want := range []error{tenants.ErrFull, tenants.ErrUnavailable} {
		s := files.New(files.Options{Bucket: failing{map[error]error{tenants.ErrFull: bucket.ErrFull, tenants.ErrUnavailable: bucket.ErrUnavailable}[want], nil}, Tenants: env.Store, MaxSize: 1})
		if _, err := s.Stage(t.Context(), tenant, strings.NewReader(""), 0); !errors.Is(err, want) {
			t.Errorf("got %v, want %v", err, want)
		}
	}
	s := files.New(files.Options{Room: func() error { return tenants.ErrFull }, MaxSize: 1})
	if _, err := s.Stage(t.Context(), tenant, strings.NewReader(""), 0); !errors.Is(err, tenants.ErrFull) {
		t.Errorf("got %v", err)
	}
}

// failing is a bucket that stores nothing.
type failing struct {
	err error
	bucket.Bucket
}

func (f failing) Put(context.Context, string, io.Reader) error { return f.err }
func (f failing) Delete(context.Context, ...string) error      { return f.err }
