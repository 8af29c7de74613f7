package sealed_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"

	"filippo.io/age"
	"golang.org/x/sync/errgroup"

	"tenantry/tenants/backup/sealed"
	"tenantry/tenants/bucket"
	"tenantry/tenants/seal"
)

// object is the key of a tenant's object.
const object = "tenants/A/ltx/1"

func ringOf(t *testing.T, keys ...string) *seal.Ring {
	t.Helper()
	ring, err := seal.ParseKeys(strings.Join(keys, ","))
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

// world is a folder and a sealed bucket in it.
type world struct {
	folder bucket.Bucket
	secret string
	b      *sealed.Bucket
}

func newWorld(t *testing.T) *world {
	t.Helper()
	folder, err := bucket.OpenFolder(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w := &world{folder: folder, secret: seal.GenerateKey()}
	w.b = w.other(t)
	return w
}

// other is what another process sees of the same bucket.
func (w *world) other(t *testing.T) *sealed.Bucket {
	return sealed.New(w.folder, ringOf(t, w.secret), "")
}

func put(t *testing.T, b bucket.Bucket, key string, content []byte) {
	t.Helper()
	if err := b.Put(t.Context(), key, bytes.NewReader(content)); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, b bucket.Bucket, key string) ([]byte, error) {
	t.Helper()
	r, err := b.Get(t.Context(), key)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

func mustRead(t *testing.T, b bucket.Bucket, key string) []byte {
	t.Helper()
	content, err := read(t, b, key)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func random(size int) []byte {
	content := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{}).Read(content)
	return content
}

// TestSealed: what is stored comes back in every process, is not in the bucket in clear, and age alone can decrypt it.
func TestSealed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, size := range []int{0, 1, 64 << 10, 1<<20 + 7} {
		content := random(size)
		put(t, w.b, object, content)
		if got := mustRead(t, w.other(t), object); !bytes.Equal(got, content) {
			t.Errorf("%d bytes came back as %d", size, len(got))
		}
		stored := mustRead(t, w.folder, object)
		if size > 100 && bytes.Contains(stored, content[:100]) {
			t.Error("it is stored in clear")
		}
		keys, err := w.b.Keys().Find(t.Context(), "A")
		if err != nil {
			t.Fatal(err)
		}
		identities, err := age.ParseIdentities(strings.NewReader(keys[0].Reveal() + "\n"))
		if err != nil {
			t.Fatal(err)
		}
		r, err := age.Decrypt(bytes.NewReader(stored), identities...)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, content) {
			t.Errorf("age decrypts %d bytes of %d, %v", len(got), size, err)
		}
	}
}

// TestForged: an object that was altered anywhere, cut, moved, or taken from another tenant is not taken for the stored one.
func TestForged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	content := random(100_000)
	put(t, w.b, object, content)
	stored := mustRead(t, w.folder, object)
	forged := func(what string, key string, bytes []byte) {
		put(t, w.folder, key, bytes)
		if _, err := read(t, w.b, key); !errors.Is(err, sealed.ErrForged) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, at := range []int{0, 30, 150, 250, 330, 400, len(stored) / 2, len(stored) - 1} {
		altered := bytes.Clone(stored)
		altered[at] ^= 1
		forged(fmt.Sprintf("altered at %d", at), object, altered)
		forged(fmt.Sprintf("cut at %d", at), object, stored[:at])
	}
	forged("longer", object, append(bytes.Clone(stored), 0))
	forged("in clear", object, content)
	forged("moved", "tenants/A/ltx/2", stored)
	put(t, w.b, "tenants/B/ltx/1", content)
	forged("another tenant's", "tenants/B/ltx/1", stored)
}

// TestDestroy: without its key a tenant's backup can't be read, neither by a running process nor by a new one. Other
// tenants' backups can.
func TestDestroy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	put(t, w.b, object, []byte("secret"))
	put(t, w.b, "tenants/AB/ltx/1", []byte("other"))
	for range 2 {
		if err := w.b.Keys().Destroy(t.Context(), "A"); err != nil {
			t.Fatal(err)
		}
	}
	for _, b := range []bucket.Bucket{w.b, w.other(t)} {
		if _, err := read(t, b, object); !errors.Is(err, sealed.ErrNoKey) {
			t.Errorf("got %v", err)
		}
		if got := mustRead(t, b, "tenants/AB/ltx/1"); string(got) != "other" {
			t.Errorf("another tenant has %q", got)
		}
	}
	for o := range w.folder.List(t.Context(), "keys/A/") {
		t.Errorf("%s is left", o.Key)
	}
}

// TestNoKeyAfterDestroy: no process makes another key for a tenant whose key was destroyed, and tenants whose ids begin
// alike have theirs.
func TestNoKeyAfterDestroy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	put(t, w.b, object, []byte("secret"))
	if err := w.b.Keys().Destroy(t.Context(), "AB"); err != nil { // never had one
		t.Fatal(err)
	}
	put(t, w.other(t), object, []byte("still"))
	if err := w.b.Keys().Destroy(t.Context(), "A"); err != nil {
		t.Fatal(err)
	}
	for _, b := range []bucket.Bucket{w.b, w.other(t)} {
		for _, key := range []string{object, "tenants/AB/ltx/1"} {
			if err := b.Put(t.Context(), key, strings.NewReader("late")); !errors.Is(err, sealed.ErrNoKey) {
				t.Errorf("%s: %v", key, err)
			}
		}
	}
	for o := range w.folder.List(t.Context(), "keys/") {
		t.Errorf("%s was made", o.Key)
	}
	put(t, w.b, "tenants/ABC/ltx/1", []byte("another's"))
}

// TestKeysMadeTogether: what processes store that make a tenant's first key at the same time can be read by all.
func TestKeysMadeTogether(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var group errgroup.Group
	for i := range 8 {
		b := w.other(t)
		group.Go(func() error {
			return b.Put(t.Context(), fmt.Sprintf("tenants/A/ltx/%d", i), strings.NewReader("x"))
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	for i := range 8 {
		if got := mustRead(t, w.other(t), fmt.Sprintf("tenants/A/ltx/%d", i)); string(got) != "x" {
			t.Errorf("%d has %q", i, got)
		}
	}
}

// TestOtherSecretKey: a process with another secret key neither reads nor makes a second key; with both it reads, and
// seals the key again.
func TestOtherSecretKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	put(t, w.b, object, []byte("x"))
	newer := seal.GenerateKey()
	other := sealed.New(w.folder, ringOf(t, newer), "")
	if _, err := read(t, other, object); !errors.Is(err, seal.ErrUnknownKey) {
		t.Errorf("got %v", err)
	}
	if err := other.Put(t.Context(), object, strings.NewReader("y")); !errors.Is(err, seal.ErrUnknownKey) {
		t.Errorf("got %v", err)
	}
	if err := sealed.New(w.folder, ringOf(t, newer, w.secret), "").Keys().Reseal(t.Context(), "A"); err != nil {
		t.Fatal(err)
	}
	if got := mustRead(t, sealed.New(w.folder, ringOf(t, newer), ""), object); string(got) != "x" {
		t.Errorf("it has %q", got)
	}
}

// TestOtherInstallation: where the master's backups are sealed with another secret key, no tenant gets a key, and all stays as
// it was.
func TestOtherInstallation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	put(t, w.b, "master/ltx/1", []byte("x"))
	other := sealed.New(w.folder, ringOf(t, seal.GenerateKey()), "")
	if err := other.Keys().Try(t.Context()); !errors.Is(err, seal.ErrUnknownKey) {
		t.Errorf("tried: %v", err)
	}
	if err := other.Put(t.Context(), "tenants/B/ltx/1", strings.NewReader("x")); !errors.Is(err, seal.ErrUnknownKey) {
		t.Errorf("stored: %v", err)
	}
	for o := range w.folder.List(t.Context(), "") {
		if strings.Contains(o.Key, "/B/") {
			t.Errorf("there is %s", o.Key)
		}
	}
	if err := w.b.Keys().Try(t.Context()); err != nil {
		t.Errorf("the installation itself: %v", err)
	}
	put(t, w.b, "tenants/B/ltx/1", []byte("x"))
}

// TestSameSecretKey: an installation with another id stores and removes nothing where one is, although it could open the keys. It can take
// the place over.
func TestSameSecretKey(t *testing.T) {
	t.Parallel()
	folder, secret := newWorld(t).folder, seal.GenerateKey()
	one, two := sealed.New(folder, ringOf(t, secret), "one"), sealed.New(folder, ringOf(t, secret), "two")
	if err := two.Keys().Try(t.Context()); err != nil {
		t.Errorf("where none is: %v", err)
	}
	put(t, one, "master/ltx/1", []byte("x"))
	put(t, one, "tenants/A/ltx/1", []byte("x"))
	refused := func(b *sealed.Bucket) {
		t.Helper()
		for what, err := range map[string]error{
			"tried": b.Keys().Try(t.Context()), "stored": b.Put(t.Context(), "tenants/B/ltx/1", strings.NewReader("x")),
			"replaced": b.Put(t.Context(), "master/ltx/1", strings.NewReader("y")), "removed": b.Delete(t.Context(), "master/ltx/1"),
		} {
			if !errors.Is(err, sealed.ErrOtherInstallation) {
				t.Errorf("%s: %v", what, err)
			}
		}
	}
	refused(two)
	if got := mustRead(t, one, "master/ltx/1"); string(got) != "x" {
		t.Errorf("it has %q", got)
	}
	put(t, sealed.New(folder, ringOf(t, secret), "one"), "master/ltx/2", []byte("x")) // another process of the installation
	if err := two.TakeOver(t.Context()); err != nil {
		t.Fatal(err)
	}
	put(t, two, "tenants/B/ltx/1", []byte("x"))
	refused(sealed.New(folder, ringOf(t, secret), "one"))
}

// TestMovedKey: a key that was put in another tenant's place is refused.
func TestMovedKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	put(t, w.b, object, []byte("x"))
	for o := range w.folder.List(t.Context(), "keys/A/") {
		put(t, w.folder, "keys/B/stolen", mustRead(t, w.folder, o.Key))
	}
	if err := w.b.Put(t.Context(), "tenants/B/ltx/1", strings.NewReader("x")); !errors.Is(err, seal.ErrForged) {
		t.Errorf("got %v", err)
	}
}

// TestOwners: what belongs to no tenant can't be stored, and a missing object is told as such.
func TestOwners(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, key := range []string{"keys/A/x", "tenants/A", "tenants", "other/A/x", "master", "", "../master/x"} {
		if err := w.b.Put(t.Context(), key, strings.NewReader("x")); !errors.Is(err, bucket.ErrKey) {
			t.Errorf("Put %q: %v", key, err)
		}
		if _, err := w.b.Get(t.Context(), key); !errors.Is(err, bucket.ErrKey) {
			t.Errorf("Get %q: %v", key, err)
		}
	}
	put(t, w.b, "master/x", []byte("x"))
	if _, err := w.b.Get(t.Context(), "tenants/A/x"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

// TestKeyIsSecret: no verb and no log tells a key.
func TestKeyIsSecret(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	put(t, w.b, object, nil)
	keys, err := w.b.Keys().Find(t.Context(), "A")
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "key", keys[0], "keys", keys)
	text := fmt.Sprintf("%v %+v %#v %s %x %v %#v", keys[0], keys[0], keys[0], keys[0], keys[0], keys, w.b) + log.String()
	if strings.Contains(strings.ToUpper(text), "AGE-SECRET") || strings.Contains(text, keys[0].Reveal()[20:40]) {
		t.Errorf("it tells %s", text)
	}
}

// BenchmarkPut is the cost of a small object.
func BenchmarkPut(b *testing.B) {
	ring, _ := seal.ParseKeys(seal.GenerateKey())
	folder, err := bucket.OpenFolder(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	content := random(64 << 10)
	for name, target := range map[string]bucket.Bucket{"clear": folder, "sealed": sealed.New(folder, ring, "")} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if err := target.Put(b.Context(), object, bytes.NewReader(content)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
