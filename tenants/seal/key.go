package seal

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"golang.org/x/crypto/chacha20poly1305"
)

// Key is a secret key of 32 bytes. Formatting, logging and marshalling reveal at most its id. Compare
// keys by their ids. The zero Key is no key.
type Key struct {
	// reveal is a function because fmt calls no methods on the unexported fields of a struct that
	// contains a key, and prints what a pointer in them points to if the verb doesn't fit. Of a
	// function it prints only the address.
	reveal func() *secret
}

// secret is a key's bytes.
type secret [chacha20poly1305.KeySize]byte

func newKey(s *secret) Key { return Key{func() *secret { return s }} }

// ParseKey parses a key of 32 bytes in base64, in the standard or the URL alphabet, padded or not,
// because tools that generate random bytes write any of these. The error is a *KeyError.
func ParseKey(text string) (Key, error) {
	key, fault := parseKey(text)
	if fault != "" {
		return Key{}, &KeyError{Number: 1, Count: 1, Fault: fault}
	}
	return key, nil
}

// GenerateKey returns a new random key, in 44 characters, for ParseKeys.
func GenerateKey() string {
	var s secret
	rand.Read(s[:]) // never returns an error: it crashes the program instead
	return base64.StdEncoding.EncodeToString(s[:])
}

// ID returns an identifier of the key that reveals nothing about it: 16 hexadecimal digits.
func (k Key) ID() string { return k.id().String() }

// String returns the key's id.
func (k Key) String() string {
	if k.reveal == nil {
		return "no key"
	}
	return "key " + k.ID()
}

// Format writes String, whatever the verb is.
func (k Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, k.String()) }

// LogValue returns String.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }

// keyID identifies a key. Every sealed value contains one.
type keyID [8]byte

// String returns the id in hexadecimal.
func (id keyID) String() string { return hex.EncodeToString(id[:]) }

// id returns the beginning of a hash over the key. The prefix makes the hash differ from any other
// hash of the same bytes.
func (k Key) id() keyID {
	if k.reveal == nil {
		return keyID{}
	}
	sum := sha256.Sum256(append([]byte("tenantry seal key id v1\x00"), k.reveal()[:]...))
	return keyID(sum[:])
}

// KeyError says which of several keys can't be used, and why. It contains nothing of the key.
type KeyError struct {
	// Number is the key's position among Count keys, from 1.
	Number, Count int
	// Fault says what is wrong, for example "is 31 bytes long".
	Fault string
}

// WantKeys describes the format of keys, for people.
const WantKeys = `32 random bytes in base64, as "openssl rand -base64 32" prints them; several with commas between, the newest first`

// Error returns the key's position, the fault, and what would be right.
func (e *KeyError) Error() string {
	if e.Count == 1 {
		return fmt.Sprintf("the key %s: want %s", e.Fault, WantKeys)
	}
	return fmt.Sprintf("key %d of %d %s: want %s", e.Number, e.Count, e.Fault, WantKeys)
}

// parseKey parses a key, or returns what is wrong with it.
func parseKey(text string) (key Key, fault string) {
	text = strings.TrimSpace(text)
	if text == "" {
		return Key{}, "is empty"
	}
	unpadded := strings.TrimRight(text, "=")
	if _, err := hex.DecodeString(unpadded); err == nil && len(unpadded) == 2*len(secret{}) {
		return Key{}, "is in hexadecimal"
	}
	content, err := base64.RawStdEncoding.Strict().DecodeString(toStd(unpadded))
	switch {
	case err != nil || strings.ContainsAny(text, "\r\n"): // the decoder ignores line ends
		return Key{}, "is not in base64, or not all of it was copied"
	case len(content) != len(secret{}):
		return Key{}, fmt.Sprintf("is %d bytes long", len(content))
	case len(text) > len(unpadded)+1: // 32 bytes need one =
		return Key{}, "ends in more than one ="
	}
	return newKey((*secret)(content)), ""
}

// toStd turns the URL alphabet into the standard one.
func toStd(text string) string { return strings.NewReplacer("-", "+", "_", "/").Replace(text) }
