// Package seal protects secrets in a database that others may read or write: the passwords of
// tenants' databases in the master. A sealed value can be opened only for the tenant that it was
// sealed for, with a key that is not in the database.
//
//	key.go      one key and its text form
//	ring.go     several keys: seals with the newest, opens with any
//	keyfile.go  the file with the keys
package seal

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"golang.org/x/crypto/chacha20poly1305"
)

// Errors returned by Open, for errors.Is.
var (
	// ErrUnknownKey means that the value was sealed with a key that the ring doesn't have, or that
	// the key's id in it was altered.
	ErrUnknownKey = errors.New("sealed with an unknown key")
	// ErrForged means that the value was sealed for another tenant, altered or truncated, or is not a
	// sealed value.
	ErrForged = errors.New("sealed value is not the tenant's, or was altered")
)

// errNoTenant means that the caller gave no tenant's id.
var errNoTenant = errors.New("seal a secret: no tenant's id")

// A sealed value is version | key's id | nonce | ciphertext and tag.
const (
	version    = 1
	headerSize = 1 + len(keyID{})
	nonceEnd   = headerSize + chacha20poly1305.NonceSizeX
	minSize    = nonceEnd + chacha20poly1305.Overhead
)

// Ring seals with the newest of its keys and opens with any of them. Make one with NewRing or
// ParseKeys. It never changes and is safe for concurrent use. Formatting, logging and marshalling
// reveal at most the keys' ids.
type Ring struct{ keys []ringKey }

// ringKey is a key ready for use. Its cipher contains the key, so it is behind a function, as in Key.
type ringKey struct {
	id   keyID
	aead func() cipher.AEAD
	// derive returns 32 bytes for a purpose.
	derive func(purpose string) ([]byte, error)
}

// ParseKeys parses keys like ParseKey, separated by commas, the newest first. Space around a key is
// ignored. The error is a *KeyError.
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

// NewRing returns a ring of the keys, the newest first. Returns a *KeyError if there is no key, a key
// is zero, or a key is repeated.
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
		derive := func(purpose string) ([]byte, error) {
			return hkdf.Key(sha256.New, key.reveal()[:], nil, "tenantry "+purpose, sha256.Size)
		}
		r.keys = append(r.keys, ringKey{key.id(), func() cipher.AEAD { return aead }, derive})
	}
	return r, nil
}

// Seal encrypts plaintext with the newest key. Only Open with the same tenant's id can decrypt it. The
// id must never be reused; a secret that belongs to something else, such as a server, needs an id of
// its own kind. The result is 49 bytes longer than plaintext, so it reveals the length. The only error
// is for an empty id.
func (r *Ring) Seal(tenantID string, plaintext []byte) ([]byte, error) {
	if tenantID == "" {
		return nil, errNoTenant
	}
	newest := r.keys[0]
	sealed := make([]byte, nonceEnd, minSize+len(plaintext))
	sealed[0] = version
	copy(sealed[1:], newest.id[:])
	nonce := sealed[headerSize:nonceEnd]
	rand.Read(nonce) // never returns an error: it crashes the program instead
	return newest.aead().Seal(sealed, nonce, plaintext, associated(sealed, tenantID)), nil
}

// Open decrypts what Seal made for the tenant with any of the ring's keys. Returns ErrUnknownKey or
// ErrForged, with the tenant and the key's id, but nothing of the secret.
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

// IsCurrent reports whether the value's header names the newest key. Values for which it is false
// should be opened and sealed again, so that old keys can be removed. It doesn't check that the value
// can be opened.
func (r *Ring) IsCurrent(sealed []byte) bool {
	id, ok := readHeader(sealed)
	return ok && id == r.keys[0].id
}

// KeyID returns the id of the key in the value's header, as in IDs, or "none" if it is not a sealed
// value.
func (*Ring) KeyID(sealed []byte) string {
	if id, ok := readHeader(sealed); ok {
		return id.String()
	}
	return "none"
}

// Derive returns a secret of 32 bytes for a purpose, which follows from the newest key (HKDF-SHA-256, RFC 5869), and that
// key's id. Processes with the same newest key get the same secret. Nothing of the key follows from it.
func (r *Ring) Derive(purpose string) (secret []byte, keyID string, err error) {
	newest := r.keys[0]
	secret, err = newest.derive(purpose)
	return secret, newest.id.String(), err
}

// IDs returns the keys' ids, the newest first.
func (r *Ring) IDs() []string {
	ids := make([]string, len(r.keys))
	for i, key := range r.keys {
		ids[i] = key.id.String()
	}
	return ids
}

// String returns the keys' ids.
func (r *Ring) String() string { return "keys " + strings.Join(r.IDs(), ", ") }

// Format writes String, whatever the verb is.
func (r *Ring) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, r.String()) }

// LogValue returns String.
func (r *Ring) LogValue() slog.Value { return slog.StringValue(r.String()) }

// find returns the index of a key, or -1.
func (r *Ring) find(id keyID) int {
	for i := range r.keys {
		if r.keys[i].id == id {
			return i
		}
	}
	return -1
}

// readHeader returns the key's id in a sealed value. It returns false if the value can't be one.
func readHeader(sealed []byte) (id keyID, ok bool) {
	if len(sealed) < minSize || sealed[0] != version {
		return keyID{}, false
	}
	return keyID(sealed[1:headerSize]), true
}

// associated returns the data to which a sealed value is bound: its purpose, its version, its key's id
// and its tenant's. All but the last have a fixed length, so that no two values share the data.
func associated(sealed []byte, tenantID string) []byte {
	const domain = "tenantry sealed secret\x00"
	data := make([]byte, 0, len(domain)+headerSize+len(tenantID))
	data = append(data, domain...)
	data = append(data, sealed[:headerSize]...)
	return append(data, tenantID...)
}
