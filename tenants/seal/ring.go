// Package seal keeps secrets in a database that others may read or write: the
// passwords of tenants' databases in the master. What is sealed opens only for
// the tenant that it was sealed for, with a key that is not in the database.
//
//	key.go      one key, and how it is written down
//	ring.go     several keys: seals with the newest, opens with all
//	keyfile.go  the file that holds them
package seal

import (
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"golang.org/x/crypto/chacha20poly1305"
)

// The errors of Open, for errors.Is.
var (
	// ErrUnknownKey: the value was sealed with a key that the ring doesn't
	// have, or the key's id in it was altered.
	ErrUnknownKey = errors.New("sealed with an unknown key")
	// ErrForged: the value was sealed for another tenant, altered, cut short,
	// or is no sealed value at all.
	ErrForged = errors.New("sealed value is not the tenant's, or was altered")
)

// errNoTenant: the program named nobody whose secret it is.
var errNoTenant = errors.New("seal a secret: no tenant's id")

// A sealed value is version | key's id | nonce | ciphertext and tag.
const (
	version    = 1
	headerSize = 1 + len(keyID{})
	nonceEnd   = headerSize + chacha20poly1305.NonceSizeX
	minSize    = nonceEnd + chacha20poly1305.Overhead
)

// Ring seals with the newest of its keys and opens with any of them. It is
// made by NewRing or ParseKeys, never changes and is safe for concurrent use.
// Formatting, logging and marshalling show the keys' ids at most.
type Ring struct{ keys []ringKey }

// ringKey is a key ready for use. The cipher holds it, so that it is behind a
// function as in Key.
type ringKey struct {
	id   keyID
	aead func() cipher.AEAD
}

// ParseKeys reads keys as ParseKey does, with commas between, the newest
// first. Space around a key doesn't count. The error is a *KeyError.
func ParseKeys(text string) (*Ring, error) {
	words := strings.Split(text, ",")
	keys := make([]Key, len(words))
	for i, word := range words {
		key, fault := parseKey(word)
		if fault != "" {
			return nil, &KeyError{i + 1, len(words), fault}
		}
		keys[i] = key
	}
	return NewRing(keys...)
}

// NewRing is a ring of the keys, the newest first. No key, a zero key and a key
// given twice are a *KeyError.
func NewRing(keys ...Key) (*Ring, error) {
	if len(keys) == 0 {
		return nil, &KeyError{1, 1, "is missing"}
	}
	r := &Ring{}
	for i, key := range keys {
		if key.reveal == nil {
			return nil, &KeyError{i + 1, len(keys), "is missing"}
		}
		if before := r.find(key.id()); before >= 0 {
			return nil, &KeyError{i + 1, len(keys), fmt.Sprintf("is the same as key %d", before+1)}
		}
		aead, err := chacha20poly1305.NewX(key.reveal()[:])
		if err != nil {
			return nil, fmt.Errorf("use %v: %w", key, err)
		}
		r.keys = append(r.keys, ringKey{key.id(), func() cipher.AEAD { return aead }})
	}
	return r, nil
}

// Seal encrypts plaintext with the newest key, so that it opens for this
// tenant alone. The id must be of one that is never reused; a secret that
// belongs to something else, such as a server, is sealed with an id of its own
// kind. The result is 49 bytes longer than plaintext, whose length it shows.
// The only error is an empty id.
func (r *Ring) Seal(tenantID string, plaintext []byte) ([]byte, error) {
	if tenantID == "" {
		return nil, errNoTenant
	}
	newest := r.keys[0]
	sealed := make([]byte, nonceEnd, minSize+len(plaintext))
	sealed[0] = version
	copy(sealed[1:], newest.id[:])
	nonce := sealed[headerSize:nonceEnd]
	rand.Read(nonce) // never fails: it ends the program instead
	return newest.aead().Seal(sealed, nonce, plaintext, associated(sealed, tenantID)), nil
}

// Open decrypts what Seal made for the tenant with any of the ring's keys. It
// returns ErrUnknownKey or ErrForged, with the tenant and the key's id, and
// nothing of the secret.
func (r *Ring) Open(tenantID string, sealed []byte) ([]byte, error) {
	id, ok := readHeader(sealed)
	if !ok {
		return nil, fmt.Errorf("open secret of tenant %q: %w", tenantID, ErrForged)
	}
	at := r.find(id)
	if at < 0 {
		return nil, fmt.Errorf("open secret of tenant %q: %w %s", tenantID, ErrUnknownKey, id)
	}
	plaintext, err := r.keys[at].aead().Open(nil, sealed[headerSize:nonceEnd], sealed[nonceEnd:], associated(sealed, tenantID))
	if err != nil {
		return nil, fmt.Errorf("open secret of tenant %q, key %s: %w", tenantID, id, ErrForged)
	}
	return plaintext, nil
}

// IsCurrent reports whether the value says that it was sealed with the newest
// key. Values for which it is false are opened and sealed again, so that old
// keys can go. Whether it opens is for Open to say.
func (r *Ring) IsCurrent(sealed []byte) bool {
	id, ok := readHeader(sealed)
	return ok && id == r.keys[0].id
}

// KeyID is the id of the key with which the value says that it was sealed, as
// in IDs, or "none" for what is no sealed value.
func (*Ring) KeyID(sealed []byte) string {
	if id, ok := readHeader(sealed); ok {
		return id.String()
	}
	return "none"
}

// IDs are the keys' ids, the newest first.
func (r *Ring) IDs() []string {
	ids := make([]string, len(r.keys))
	for i, key := range r.keys {
		ids[i] = key.id.String()
	}
	return ids
}

// String tells the keys' ids.
func (r *Ring) String() string { return "keys " + strings.Join(r.IDs(), ", ") }

// Format writes String, whatever the verb.
func (r *Ring) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, r.String()) }

// LogValue is String.
func (r *Ring) LogValue() slog.Value { return slog.StringValue(r.String()) }

// find is the place of a key, or -1.
func (r *Ring) find(id keyID) int {
	for i := range r.keys {
		if r.keys[i].id == id {
			return i
		}
	}
	return -1
}

// readHeader is the key's id of a sealed value, and whether it can be one.
func readHeader(sealed []byte) (id keyID, ok bool) {
	if len(sealed) < minSize || sealed[0] != version {
		return keyID{}, false
	}
	return keyID(sealed[1:headerSize]), true
}

// associated is what a sealed value is bound to: what it is, its version, its
// key's id and its tenant's. All but the last are of fixed length, so that no
// two values have the same.
func associated(sealed []byte, tenantID string) []byte {
	const domain = "tenantry sealed secret\x00"
	data := make([]byte, 0, len(domain)+headerSize+len(tenantID))
	data = append(data, domain...)
	data = append(data, sealed[:headerSize]...)
	return append(data, tenantID...)
}
