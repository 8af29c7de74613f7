package auth

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
)

// Kind says what a credential is for. Its number is part of every digest.
type Kind uint8

// The kinds.
const (
	// KindSession is made at sign-in, for a browser or a program.
	KindSession Kind = 1
	// KindToken is an API token, made by a user for programs.
	KindToken Kind = 2
	// KindInvitation allows its holder to set a password, once.
	KindInvitation Kind = 3
	// KindEntry begins an operator's visit, once.
	KindEntry Kind = 4
	// KindVisit is the session of an operator's visit, for a browser.
	KindVisit Kind = 5
)

// String returns the kind for logs.
func (k Kind) String() string {
	switch k {
	case KindSession:
		return "session"
	case KindToken:
		return "token"
	case KindInvitation:
		return "invitation"
	case KindEntry:
		return "entry"
	case KindVisit:
		return "visit"
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// A credential's text is its kind's prefix and 32 random bytes in base64url
// without padding, 48 characters in all. Scanners for leaked secrets find it by
// tnt[stiev]_[A-Za-z0-9_-]{43}.
const (
	prefixes   = "tnts_" + "tntt_" + "tnti_" + "tnte_" + "tntv_" // by kind
	prefixSize = len(prefixes) / 5
	tokenSize  = 32
	textSize   = prefixSize + 43
)

// prefix returns the prefix of texts of the kind.
func (k Kind) prefix() string { return prefixes[int(k-1)*prefixSize : int(k)*prefixSize] }

// ErrMalformed means that a text is no credential, or that a request has several.
// The error contains nothing of it.
var ErrMalformed = errors.New("credential is malformed")

// encoding refuses texts with bits beyond the last byte, so that each credential
// has one text only.
var encoding = base64.RawURLEncoding.Strict()

// Mint makes a credential of the tenant. The text must be handed out once and not
// be stored; the digest, 32 bytes, is stored and looked up. The text can't be
// computed from the digest. Mint panics if the kind doesn't exist or the tenant's
// id is empty.
func Mint(tenantID string, kind Kind) (text string, digest []byte) {
	if tenantID == "" {
		panic("auth: credential of no tenant")
	}
	token := [tokenSize]byte(random(tokenSize))
	return kind.prefix() + encoding.EncodeToString(token[:]), digestOf(tenantID, kind, &token)
}

// Digest returns a credential's kind and the digest with which it is stored if it
// belongs to this tenant. A credential of another tenant, or one of another kind
// with the same random bytes, has another digest. The caller must check the kind.
// Digest costs about one SHA-256 and is safe to call with any text. Returns
// ErrMalformed for anything but the exact text of a credential.
//
// Digests need no comparison in constant time and may be looked up in an index: the
// time reveals something about hashes, but not about texts.
func Digest(tenantID, text string) (kind Kind, digest []byte, err error) {
	kind, ok := kindOf(text)
	if !ok {
		return 0, nil, ErrMalformed
	}
	var token [tokenSize]byte
	size, err := encoding.Decode(token[:], []byte(text[prefixSize:]))
	if err != nil || size != tokenSize { // the decoder ignores line ends
		return 0, nil, ErrMalformed
	}
	return kind, digestOf(tenantID, kind, &token), nil
}

// kindOf returns the kind of a text by its prefix. It returns false if the text has
// another length.
func kindOf(text string) (Kind, bool) {
	if len(text) != textSize {
		return 0, false
	}
	for _, kind := range [...]Kind{KindSession, KindToken, KindInvitation, KindEntry, KindVisit} {
		if text[:prefixSize] == kind.prefix() {
			return kind, true
		}
	}
	return 0, false
}

// digestOf binds a token to its kind and tenant. The id's length is hashed too, so
// that no two pairs of id and token give the same message.
func digestOf(tenantID string, kind Kind, token *[tokenSize]byte) []byte {
	message := make([]byte, 0, 128) // stays on the stack
	message = append(message, "tenantry credential v1\x00"...)
	message = append(message, byte(kind))
	message = binary.BigEndian.AppendUint64(message, uint64(len(tenantID)))
	message = append(message, tenantID...)
	message = append(message, token[:]...)
	sum := sha256.Sum256(message)
	return sum[:]
}
