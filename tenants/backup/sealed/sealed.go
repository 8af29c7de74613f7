// Package sealed encrypts backups with a key for each tenant, so that destroying the key makes them unreadable wherever
// copies of them are.
//
// An object is a file in the format of age (https://age-encryption.org/v1), for one X25519 key: with that key in a file,
// "age -d -i key.txt FILE" decrypts it. Its header has one stanza more than age writes, with a hash of the object's key. The
// header is authenticated, so that an object that was moved to another key isn't decrypted here; age ignores the stanza.
// An older object under the same key is not noticed: the checksums in it have to tell.
//
// # Where keys are
//
// A tenant's keys are objects of the bucket, at keys/ID/NAME, sealed with the installation's secret key (package seal).
// They are in no database: the master is backed up, too, and its points in time would bring the key of an erased tenant
// back. They are never copied, so that Destroy, which removes all versions of the objects, leaves the key nowhere: neither
// the bucket nor the secret key, nor both, can decrypt what it encrypted. The bucket and the secret key are all that a
// restore on an empty machine needs. A bucket that is itself copied, or whose objects are locked, keeps keys longer: README
// tells operators.
//
// A tenant has several keys if processes made one at the same time. All decrypt; the first by name encrypts. A public key is
// as secret as its private one: who knows it can make objects that are taken for the tenant's.
//
//	sealed.go  the bucket
//	keys.go    finds, makes and destroys keys
//	owner.go   keeps installations apart
//	key.go     a key, and the binding to the object
package sealed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"tenantry/tenants/bucket"
	"tenantry/tenants/seal"
)

// Errors, for errors.Is.
var (
	// ErrNoKey means that the tenant has no key: nothing was stored for it, or its key was destroyed.
	ErrNoKey = errors.New("there is no key for the tenant's backups")
	// ErrForged means that an object was altered or cut, stored under another key, or encrypted for another tenant.
	ErrForged = errors.New("backup is not what was stored under its name")
)

// Bucket encrypts the objects of another bucket. Their keys are tenants/ID/…, or master/… for those of the master; keys and
// sizes of objects remain readable. It is safe for concurrent use.
type Bucket struct {
	bucket.Bucket // lists and removes

	keys *Keys
}

var _ bucket.Bucket = (*Bucket)(nil)

// New returns a bucket that encrypts with keys that are stored in b, sealed with the ring. It stores and removes nothing in a bucket that
// has the backups of an installation with another id. Without an id it doesn't look whose they are.
func New(b bucket.Bucket, ring *seal.Ring, installation string) *Bucket {
	return &Bucket{b, newKeys(b, ring, installation)}
}

// Keys returns the tenants' keys.
func (b *Bucket) Keys() *Keys { return b.keys }

// MasterID stands for the master in place of a tenant's ID.
const MasterID = "master"

// ownerOf returns whose key encrypts an object.
func ownerOf(key string) (id string, err error) {
	parts := strings.Split(key, "/")
	switch {
	case len(parts) > 1 && parts[0] == MasterID:
		return MasterID, nil
	case len(parts) > 2 && parts[0] == "tenants":
		return parts[1], nil
	}
	return "", fmt.Errorf("%w: %.100q belongs to no tenant", bucket.ErrKey, key)
}

// Put encrypts what r has. It makes a key if the tenant has none.
func (b *Bucket) Put(ctx context.Context, key string, r io.Reader) error {
	id, err := ownerOf(key)
	if err != nil {
		return err
	}
	if err := b.keys.owner.check(ctx, true); err != nil {
		return err
	}
	found, err := b.keys.ensure(ctx, id)
	if err != nil {
		return err
	}
	encrypted, err := found[0].encrypt(key, r)
	if err != nil {
		return fmt.Errorf("encrypt %s: %w", key, err)
	}
	return b.Bucket.Put(ctx, key, encrypted)
}

// Delete removes objects of this installation.
func (b *Bucket) Delete(ctx context.Context, keys ...string) error {
	if err := b.keys.owner.check(ctx, false); err != nil {
		return err
	}
	return b.Bucket.Delete(ctx, keys...)
}

// Get decrypts an object. The error wraps ErrNoKey, or ErrForged, which reading may return, too.
func (b *Bucket) Get(ctx context.Context, key string) (io.ReadCloser, error) {
	id, err := ownerOf(key)
	if err != nil {
		return nil, err
	}
	content, err := b.Bucket.Get(ctx, key)
	if err != nil {
		return nil, err
	}
	found, err := b.keys.Find(ctx, id)
	if errors.Is(err, ErrNoKey) {
		if erased, failure := b.keys.isErased(ctx, id); erased && failure == nil {
			err = fmt.Errorf("%w: the tenant was erased", err)
		}
	}
	if err != nil {
		content.Close()
		return nil, fmt.Errorf("read %s: %w", key, err)
	}
	return decrypt(found, key, content)
}
