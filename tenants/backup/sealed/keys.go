package sealed

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	lru "github.com/hashicorp/golang-lru/v2"

	"tenantry/tenants/bucket"
	"tenantry/tenants/seal"
)

const (
	// remembered is for how many tenants the keys are kept in memory.
	remembered = 4096
	// mostSealed is the most that a sealed key has, in bytes.
	mostSealed = 1024
)

// Keys finds, makes and destroys the tenants' keys. It is safe for concurrent use.
type Keys struct {
	bucket bucket.Bucket
	ring   *seal.Ring
	known  *lru.Cache[string, []Key] // by tenant's ID
	owner  *owner
}

func newKeys(b bucket.Bucket, ring *seal.Ring, installation string) *Keys {
	known, err := lru.New[string, []Key](remembered)
	if err != nil {
		panic(err) // a size below 1
	}
	return &Keys{b, ring, known, &owner{bucket: b, id: installation}}
}

// folderOf is what the keys of a tenant's key objects begin with.
func folderOf(id string) string { return "keys/" + id + "/" }

// sealedFor is what a key is sealed for: not a tenant's ID, under which other secrets are sealed.
func sealedFor(id string) string { return "backups of " + id }

// ensure returns a tenant's keys, of which it makes one if there is none.
func (k *Keys) ensure(ctx context.Context, id string) ([]Key, error) {
	found, err := k.Find(ctx, id)
	if !errors.Is(err, ErrNoKey) {
		return found, err
	}
	if err := k.Try(ctx); err != nil {
		return nil, err
	}
	if err := k.make(ctx, id); err != nil {
		return nil, fmt.Errorf("make a key for the tenant's backups: %w", err)
	}
	return k.Find(ctx, id) // also the key of another process
}

// Try returns ErrOtherInstallation if the bucket has the backups of another installation, also a seal.ErrUnknownKey if its
// master's key can't be opened.
// Otherwise two installations would store their tenants in one place, where the master of only one is.
func (k *Keys) Try(ctx context.Context) error {
	_, err := k.Find(ctx, MasterID)
	switch {
	case err == nil, errors.Is(err, ErrNoKey):
		return k.owner.check(ctx, false)
	case errors.Is(err, seal.ErrUnknownKey):
		err = fmt.Errorf("%w, or it has another secret key: %s; choose a folder or prefix for each installation: %w", ErrOtherInstallation, k.bucket, err)
	}
	return err
}

func (k *Keys) make(ctx context.Context, id string) error {
	key, err := newKey()
	if err != nil {
		return err
	}
	sealed, err := k.ring.Seal(sealedFor(id), []byte(key.Reveal()))
	if err != nil {
		return err
	}
	if err := k.bucket.Put(ctx, folderOf(id)+strings.ToLower(rand.Text()), bytes.NewReader(sealed)); err != nil {
		return err
	}
	erased, err := k.isErased(ctx, id) // afterwards, so that Destroy finds the key, or the mark of Destroy is found
	if err == nil && erased {
		err = errors.Join(fmt.Errorf("%w (tenant %s): it was destroyed", ErrNoKey, id), k.bucket.Erase(ctx, "keys/"+id))
	}
	return err
}

// erasedMark is the key of an object that says that a tenant's keys were destroyed.
func erasedMark(id string) string { return "erased/" + id }

func (k *Keys) isErased(ctx context.Context, id string) (bool, error) {
	for o, err := range k.bucket.List(ctx, erasedMark(id)) {
		if err != nil || o.Key == erasedMark(id) {
			return err == nil, err
		}
	}
	return false, nil
}

// Find returns a tenant's keys, first the key for encrypting. Returns ErrNoKey if there is none, and an error of package
// seal for a key that the ring can't open.
func (k *Keys) Find(ctx context.Context, id string) ([]Key, error) {
	if found, ok := k.known.Get(id); ok {
		return found, nil
	}
	var found []Key
	for o, err := range k.bucket.List(ctx, folderOf(id)) {
		if err != nil {
			return nil, err
		}
		key, err := k.open(ctx, id, o.Key)
		if err != nil {
			return nil, err
		}
		found = append(found, key)
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%w (tenant %s)", ErrNoKey, id)
	}
	k.known.Add(id, found)
	return found, nil
}

// open reads a key's object.
func (k *Keys) open(ctx context.Context, id, key string) (Key, error) {
	sealed, err := k.read(ctx, key)
	if err != nil {
		return Key{}, err
	}
	text, err := k.ring.Open(sealedFor(id), sealed)
	if errors.Is(err, seal.ErrUnknownKey) {
		err = fmt.Errorf("%w; give the secret key of that time as well", err)
	}
	if err != nil {
		return Key{}, fmt.Errorf("%s: %w", key, err)
	}
	return parseKey(string(text))
}

func (k *Keys) read(ctx context.Context, key string) ([]byte, error) {
	r, err := k.bucket.Get(ctx, key)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(io.LimitReader(r, mostSealed))
}

// Old returns the ids of the tenants whose keys are sealed with an older key of the ring than the newest, sorted. With one
// key in the ring it reads nothing.
func (k *Keys) Old(ctx context.Context) (ids []string, err error) {
	if len(k.ring.IDs()) < 2 {
		return nil, nil
	}
	for o, err := range k.bucket.List(ctx, "keys/") {
		if err != nil {
			return nil, fmt.Errorf("look at the keys of backups: %w", err)
		}
		id := path.Base(path.Dir(o.Key))
		text, err := k.read(ctx, o.Key)
		if errors.Is(err, fs.ErrNotExist) { // erased meanwhile
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("look at the keys of backups: %w", err)
		}
		if !k.ring.IsCurrent(text) && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// Reseal seals a tenant's keys with the newest of the ring's keys, where an older one was used.
func (k *Keys) Reseal(ctx context.Context, id string) error {
	for o, err := range k.bucket.List(ctx, folderOf(id)) {
		if err == nil {
			err = k.reseal(ctx, id, o.Key)
		}
		if err != nil {
			return fmt.Errorf("seal the key for the tenant's backups again: %w", err)
		}
	}
	return nil
}

func (k *Keys) reseal(ctx context.Context, id, key string) error {
	sealed, err := k.read(ctx, key)
	if err != nil || k.ring.IsCurrent(sealed) {
		return err
	}
	text, err := k.ring.Open(sealedFor(id), sealed)
	if err != nil {
		return err
	}
	if sealed, err = k.ring.Seal(sealedFor(id), text); err != nil {
		return err
	}
	return k.bucket.Put(ctx, key, bytes.NewReader(sealed))
}

// Destroy removes a tenant's keys for good: its backups can't be decrypted any more. It may be repeated. The caller must
// have seen to it that the tenant is not served any more. No process makes a new key for it: the object erased/ID says so.
// Other processes have the key in memory until they end.
func (k *Keys) Destroy(ctx context.Context, id string) error {
	k.known.Remove(id)
	err := k.bucket.Put(ctx, erasedMark(id), strings.NewReader(""))
	if err == nil {
		err = k.bucket.Erase(ctx, "keys/"+id)
	}
	if err != nil {
		return fmt.Errorf("destroy the key for the tenant's backups: %w", err)
	}
	return nil
}
