package auth

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// Params set the cost of an argon2id hash (RFC 9106).
type Params struct {
	// Memory is in KiB, from 8 for each lane to 65,536.
	Memory uint32
	// Passes is the number of passes over the memory, from 1 to 10.
	Passes uint32
	// Lanes is the number of threads that share the memory, from 1 to 4.
	Lanes uint8
}

// OWASP returns the minimum of the OWASP Password Storage Cheat Sheet: 19 MiB, 2
// passes, 1 lane.
func OWASP() Params { return Params{Memory: 19 * 1024, Passes: 2, Lanes: 1} }

// ErrMalformedHash means that a stored hash is not in this package's format, or
// that its parameters are out of bounds.
var ErrMalformedHash = errors.New("password hash is malformed")

// The format of new hashes, and the bounds of stored ones. The bounds allow OWASP's
// alternatives and the smaller recommendation of RFC 9106 (64 MiB, 3 passes, 4
// lanes), but no hash that was written into the database to exhaust the memory.
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

// hash is the argon2id hash of a password, with its parameters.
type hash struct {
	Params
	salt, key []byte
}

// encode returns the hash in the PHC string format:
// $argon2id$v=19$m=19456,t=2,p=1$SALT$KEY.
func (h hash) encode() string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version,
		h.Memory, h.Passes, h.Lanes, b64.EncodeToString(h.salt), b64.EncodeToString(h.key))
}

// parseHash parses what encode returns, and nothing else: it parses leniently and
// compares the result's encoding with the text.
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

// valid reports whether parameters and sizes are within the bounds. Hashes that
// other programs made have salts and keys of other sizes.
func (h hash) valid() bool {
	return h.Params.valid() && len(h.salt) >= 8 && len(h.salt) <= 64 && len(h.key) >= 16 && len(h.key) <= 64
}

// outdated reports whether a new hash would have other parameters or sizes.
func (h hash) outdated(p Params) bool {
	return h.Params != p || len(h.salt) != saltSize || len(h.key) != keySize
}
