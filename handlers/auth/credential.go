package auth

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
)

// Kind is what a credential is for. Its number is part of every digest.
type Kind uint8

// The kinds.
const (
	// KindSession is made at sign-in, for a browser or a program.
	KindSession Kind = 1
	// KindToken is an API token, made by a user for programs.
	KindToken Kind = 2
	// KindInvitation lets somebody set a password, once.
	KindInvitation Kind = 3
)

// String is the kind for logs.
func (k Kind) String() string {
	switch k {
	case KindSession:
		return "session"
	case KindToken:
		return "token"
	case KindInvitation:
		return "invitation"
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// A credential's text is its kind's prefix and 32 random bytes in base64url
// without padding, 48 characters in all. Scanners for leaked secrets find it by
// tnt[sti]_[A-Za-z0-9_-]{43}.
const (
	prefixes   = "tnts_" + "tntt_" + "tnti_" // by kind
	prefixSize = len(prefixes) / 3
	tokenSize  = 32
	textSize   = prefixSize + 43
)

// prefix is how the texts of a kind begin.
func (k Kind) prefix() string { return prefixes[int(k-1)*prefixSize : int(k)*prefixSize] }

// ErrMalformed: what was presented is no credential, or it can't be told which
// one is meant. The error holds nothing of it.
var ErrMalformed = errors.New("credential is malformed")

// encoding refuses texts with bits beyond the last byte, so that a credential
// has one text.
var encoding = base64.RawURLEncoding.Strict()

// Mint makes a credential of the tenant. The text is handed out once and
// forgotten; the digest, 32 bytes, is stored and looked up, and nobody can make
// the text from it. It panics on a kind that doesn't exist and on a tenant without
// an id, which are faults of the program.
func Mint(tenantID string, kind Kind) (text string, digest []byte) {
	if tenantID == "" {
		panic("auth: credential of no tenant")
	}
	token := [tokenSize]byte(random(tokenSize))
	return kind.prefix() + encoding.EncodeToString(token[:]), digestOf(tenantID, kind, &token)
}

// Digest is the kind of a credential and the digest under which Mint's caller
// stored it, if it is one of this tenant: that of another tenant, or of another
// kind with the same random bytes, has a different digest. Callers check the
// kind. It costs about one SHA-256, and is safe to call with whatever a stranger
// sent: anything but the exact text of a credential is ErrMalformed.
//
// Digests may be compared in any way and looked up by an index: the time that
// takes tells about hashes, not about texts.
func Digest(tenantID, text string) (kind Kind, digest []byte, err error) {
	kind, ok := kindOf(text)
	if !ok {
		return 0, nil, ErrMalformed
	}
	var token [tokenSize]byte
	size, err := encoding.Decode(token[:], []byte(text[prefixSize:]))
	if err != nil || size != tokenSize { // the decoder skips line ends
		return 0, nil, ErrMalformed
	}
	return kind, digestOf(tenantID, kind, &token), nil
}

// kindOf is the kind that a text of the right length begins with.
func kindOf(text string) (Kind, bool) {
	if len(text) != textSize {
		return 0, false
	}
	for _, kind := range [...]Kind{KindSession, KindToken, KindInvitation} {
		if text[:prefixSize] == kind.prefix() {
			return kind, true
		}
	}
	return 0, false
}

// digestOf binds a token to its kind and tenant. The id's length keeps the id
// and the token apart.
func digestOf(tenantID string, kind Kind, token *[tokenSize]byte) []byte {
	message := make([]byte, 0, 128) // on the stack
	message = append(message, "tenantry credential v1\x00"...)
	message = append(message, byte(kind))
	message = binary.BigEndian.AppendUint64(message, uint64(len(tenantID)))
	message = append(message, tenantID...)
	message = append(message, token[:]...)
	sum := sha256.Sum256(message)
	return sum[:]
}
