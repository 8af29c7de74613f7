package backup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"tenantry/tenants"
	"tenantry/tenants/backup/sealed"
)

// errUnsealed means that the bucket doesn't encrypt, so that there is no key to destroy.
var errUnsealed = errors.New("these backups are not encrypted")

// sealed returns the bucket if it encrypts.
func (b *Backups) sealed() (*sealed.Bucket, error) {
	s, ok := b.o.Bucket.(*sealed.Bucket)
	if !ok {
		return nil, errUnsealed
	}
	return s, nil
}

// DestroyKey destroys the key of a tenant's backups for good, and what is known here of its pages. No process makes another
// key for the tenant. It may be repeated. The tenant must not be served any more.
func (b *Backups) DestroyKey(ctx context.Context, id string) error {
	s, err := b.sealed()
	if err != nil {
		return err
	}
	b.mu.Lock()
	delete(b.known, id)
	delete(b.stored, id)
	b.mu.Unlock()
	if err := s.Keys().Destroy(ctx, id); err != nil {
		return err
	}
	err = os.Remove(filepath.Join(b.o.Dir, id+".pages"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Objects lists what is stored of a tenant, with hashes, for which it reads all of it.
func (b *Backups) Objects(ctx context.Context, id string) ([]tenants.StoredObject, error) {
	s, err := b.sealed()
	if err != nil {
		return nil, err
	}
	all := []tenants.StoredObject{}
	for o, err := range s.List(ctx, tenantsPrefix+id+"/") {
		if err != nil {
			return nil, err
		}
		found := tenants.StoredObject{Key: o.Key}
		if found.Size, found.SHA256, err = hashOf(ctx, s, o.Key); err != nil {
			return nil, err
		}
		all = append(all, found)
	}
	return all, nil
}

func hashOf(ctx context.Context, s *sealed.Bucket, key string) (size int64, sum string, err error) {
	r, err := s.Bucket.Get(ctx, key) // as it is stored
	if err != nil {
		return 0, "", err
	}
	defer r.Close()
	hash := sha256.New()
	size, err = io.Copy(hash, r)
	return size, hex.EncodeToString(hash.Sum(nil)), err
}

// Place returns where backups are stored, without credentials.
func (b *Backups) Place() string { return b.o.Bucket.String() }

// RevealKeys returns the keys of a tenant's backups as age's key files have them; each object is encrypted with one of
// them. They are secrets. Returns sealed.ErrNoKey if there are none.
func (b *Backups) RevealKeys(ctx context.Context, id string) (keys []string, err error) {
	s, err := b.sealed()
	if err != nil {
		return nil, err
	}
	found, err := s.Keys().Find(ctx, id)
	for _, key := range found {
		keys = append(keys, key.Reveal())
	}
	return keys, err
}

// OldKeys returns the ids of the tenants whose backups' keys are sealed with an older secret key than the newest; the
// master's id is "master".
func (b *Backups) OldKeys(ctx context.Context) ([]string, error) {
	s, err := b.sealed()
	if err != nil {
		return nil, err
	}
	return s.Keys().Old(ctx)
}

// ResealKeys seals the keys of a tenant's backups with the newest secret key, where an older one was used.
func (b *Backups) ResealKeys(ctx context.Context, id string) error {
	s, err := b.sealed()
	if err != nil {
		return err
	}
	return s.Keys().Reseal(ctx, id)
}
