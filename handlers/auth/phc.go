package auth

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// Params are what an argon2id hash costs (RFC 9106).
type Params struct {
	// Memory is in KiB, from 8 a lane to 65,536.
	Memory uint32
	// Passes is how often the memory is gone through, from 1 to 10.
	Passes uint32
	// Lanes is how many threads share the memory, from 1 to 4.
	Lanes uint8
}

// OWASP are the parameters that the OWASP Password Storage Cheat Sheet names as
// the least: 19 MiB, 2 passes, 1 lane.
func OWASP() Params { return Params{Memory: 19 * 1024, Passes: 2, Lanes: 1} }

// ErrMalformedHash: a stored hash is none that this package makes, or asks for
// more than it gives.
var ErrMalformedHash = errors.New("password hash is malformed")

// What hashes are made with, and the most that a stored one may ask for. The
// bounds let in OWASP's alternatives and the smaller recommendation of RFC 9106
// (64 MiB, 3 passes, 4 lanes), and keep a hash that somebody planted in the
// database from taking all memory.
const (
	saltSize = 16
	keySize  = 32

	maxMemory  = 64 * 1024
	maxPasses  = 10
	maxLanes   = 4
	maxEncoded = 256
)

// valid reports whether the parameters are within the bounds.
func (p Params) valid() bool {
	return p.Lanes >= 1 && p.Lanes <= maxLanes && p.Passes >= 1 && p.Passes <= maxPasses &&
		p.Memory >= 8*uint32(p.Lanes) && p.Memory <= maxMemory
}

// hash is a stored password: argon2id with its parameters.
type hash struct {
	Params
	salt, key []byte
}

// encode is the hash in the PHC string format:
// $argon2id$v=19$m=19456,t=2,p=1$SALT$KEY.
func (h hash) encode() string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version,
		h.Memory, h.Passes, h.Lanes, b64.EncodeToString(h.salt), b64.EncodeToString(h.key))
}

// parseHash reads what encode wrote, and nothing else: it reads generously and
// compares what that would be written as.
func parseHash(encoded string) (hash, error) {
	var h hash
	fields := strings.Split(encoded, "$")
	if len(encoded) > maxEncoded || len(fields) != 6 {
		return hash{}, ErrMalformedHash
	}
	if _, err := fmt.Sscanf(fields[3], "m=%d,t=%d,p=%d", &h.Memory, &h.Passes, &h.Lanes); err != nil {
		return hash{}, ErrMalformedHash
	}
	var bad [2]error
	h.salt, bad[0] = base64.RawStdEncoding.DecodeString(fields[4])
	h.key, bad[1] = base64.RawStdEncoding.DecodeString(fields[5])
	if errors.Join(bad[:]...) != nil || !h.valid() || h.encode() != encoded {
		return hash{}, ErrMalformedHash
	}
	return h, nil
}

// valid reports whether parameters and sizes are within the bounds. Hashes
// from elsewhere have salts and keys of other sizes.
func (h hash) valid() bool {
	return h.Params.valid() && len(h.salt) >= 8 && len(h.salt) <= 64 && len(h.key) >= 16 && len(h.key) <= 64
}

// outdated reports whether a new hash would be another one.
func (h hash) outdated(p Params) bool {
	return h.Params != p || len(h.salt) != saltSize || len(h.key) != keySize
}
