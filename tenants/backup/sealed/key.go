package sealed

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"

	"filippo.io/age"
)

// Key encrypts and decrypts the backups of one tenant. Formatting, logging and marshalling reveal nothing of it.
type Key struct {
	// identity is a function, whose address alone is printed; see seal.Key.
	identity func() *age.X25519Identity
}

// newKey returns a new random key.
func newKey() (Key, error) {
	identity, err := age.GenerateX25519Identity()
	return Key{func() *age.X25519Identity { return identity }}, err
}

// parseKey parses what Reveal returns.
func parseKey(text string) (Key, error) {
	identity, err := age.ParseX25519Identity(text)
	return Key{func() *age.X25519Identity { return identity }}, err
}

// Reveal returns the key as age's key files have it, AGE-SECRET-KEY-1….
func (k Key) Reveal() string { return k.identity().String() }

// String reveals nothing.
func (Key) String() string { return "a backup's key" }

// Format writes String, whatever the verb is.
func (k Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, k.String()) }

// LogValue returns String.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }

func (k Key) encrypt(key string, r io.Reader) (io.Reader, error) {
	return age.EncryptReader(r, k.identity().Recipient(), binding(key))
}

// binding binds a file to the key of its object, by a stanza of the authenticated header.
type binding string

const stanzaType = "tenantry.example/object"

func (b binding) hash() string {
	sum := sha256.Sum256([]byte(b))
	return hex.EncodeToString(sum[:])
}

// Wrap returns the stanza, which has nothing of the file's key.
func (b binding) Wrap([]byte) ([]*age.Stanza, error) {
	return []*age.Stanza{{Type: stanzaType, Args: []string{b.hash()}}}, nil
}

// bound is an identity for one object alone.
type bound struct {
	binding binding
	keys    []Key
}

// Unwrap returns the file's key if the header, which the caller authenticates with it, has the object's stanza.
func (b bound) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	isBound := func(s *age.Stanza) bool {
		return s.Type == stanzaType && slices.Equal(s.Args, []string{b.binding.hash()})
	}
	if !slices.ContainsFunc(stanzas, isBound) {
		return nil, ErrForged
	}
	for _, key := range b.keys {
		if fileKey, err := key.identity().Unwrap(stanzas); !errors.Is(err, age.ErrIncorrectIdentity) {
			return fileKey, err
		}
	}
	return nil, ErrForged
}

// decrypt returns the content of an object, and closes the object when it is closed.
func decrypt(keys []Key, key string, object io.ReadCloser) (io.ReadCloser, error) {
	content := &plaintext{key: key, object: object}
	var err error
	if content.r, err = age.Decrypt(tracked{content}, bound{binding(key), keys}); err != nil {
		object.Close()
		return nil, content.explain(err)
	}
	return content, nil
}

// plaintext is the content of an object.
type plaintext struct {
	key    string
	r      io.Reader
	object io.ReadCloser
	err    error // of the object
}

// tracked reads the object and keeps its error apart from age's.
type tracked struct{ *plaintext }

// Read reads the object.
func (t tracked) Read(p []byte) (int, error) {
	n, err := t.object.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		t.err = err
	}
	return n, err
}

// Read returns ErrForged where the object was altered. What was read before is as it was stored.
func (p *plaintext) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		err = p.explain(err)
	}
	return n, err
}

// explain distinguishes an object that can't be read from one that can't be decrypted.
func (p *plaintext) explain(err error) error {
	if p.err != nil {
		return p.err
	}
	if !errors.Is(err, ErrForged) {
		err = ErrForged
	}
	return fmt.Errorf("read %s: %w", p.key, err)
}

// Close closes the object.
func (p *plaintext) Close() error { return p.object.Close() }
