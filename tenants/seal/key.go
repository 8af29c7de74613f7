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

// Key is a secret key of 32 bytes. Formatting, logging and marshalling show
// its id at most. Keys are compared by their ids. The zero Key is none.
type Key struct {
	// reveal is a function because fmt calls no methods on the unexported
	// fields of a struct around a key, and prints what a pointer there points
	// at when the verb doesn't fit. It prints no more of a function than where
	// it is.
	reveal func() *secret
}

// secret is a key's bytes.
type secret [chacha20poly1305.KeySize]byte

func newKey(s *secret) Key { return Key{func() *secret { return s }} }

// ParseKey reads a key of 32 bytes in base64, of the standard or the URL
// alphabet, padded or not. Whoever made 32 random bytes and wrote them down may
// have used any of these. The error is a *KeyError.
func ParseKey(text string) (Key, error) {
	key, fault := parseKey(text)
	if fault != "" {
		return Key{}, &KeyError{Number: 1, Count: 1, Fault: fault}
	}
	return key, nil
}

// GenerateKey is a new random key as ParseKeys reads it: 44 characters.
func GenerateKey() string {
	var s secret
	rand.Read(s[:]) // never fails: it ends the program instead
	return base64.StdEncoding.EncodeToString(s[:])
}

// ID names the key without giving anything of it away: 16 hexadecimal digits.
func (k Key) ID() string { return k.id().String() }

// String is the key's id.
func (k Key) String() string {
	if k.reveal == nil {
		return "no key"
	}
	return "key " + k.ID()
}

// Format writes String, whatever the verb.
func (k Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, k.String()) }

// LogValue is String.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }

// keyID tells keys apart. It is stored with every sealed value.
type keyID [8]byte

// String is the id in hexadecimal.
func (id keyID) String() string { return hex.EncodeToString(id[:]) }

// id is the beginning of a hash over the key. The words before the key keep it
// apart from any other hash of the same bytes.
func (k Key) id() keyID {
	if k.reveal == nil {
		return keyID{}
	}
	sum := sha256.Sum256(append([]byte("tenantry seal key id v1\x00"), k.reveal()[:]...))
	return keyID(sum[:])
}

// KeyError tells which of several keys can't be used, and why. It holds
// nothing of the key.
type KeyError struct {
	// Number is the key's place among Count keys, from 1.
	Number, Count int
	// Fault is what is wrong, such as "is 31 bytes long".
	Fault string
}

// WantKeys says what keys are, for people.
const WantKeys = `32 random bytes in base64, as "openssl rand -base64 32" prints them; several with commas between, the newest first`

// Error names the key by its place, and says what would be right.
func (e *KeyError) Error() string {
	if e.Count == 1 {
		return fmt.Sprintf("the key %s: want %s", e.Fault, WantKeys)
	}
	return fmt.Sprintf("key %d of %d %s: want %s", e.Number, e.Count, e.Fault, WantKeys)
}

// parseKey reads a key, or tells what is wrong with it.
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
	case err != nil || strings.ContainsAny(text, "\r\n"): // the decoder skips line ends
		return Key{}, "is not in base64, or not all of it was copied"
	case len(content) != len(secret{}):
		return Key{}, fmt.Sprintf("is %d bytes long", len(content))
	case len(text) > len(unpadded)+1: // 32 bytes take one
		return Key{}, "ends in more than one ="
	}
	return newKey((*secret)(content)), ""
}

// toStd turns the URL alphabet into the standard one.
func toStd(text string) string { return strings.NewReplacer("-", "+", "_", "/").Replace(text) }
