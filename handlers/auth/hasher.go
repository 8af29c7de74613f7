package auth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"runtime"

	"golang.org/x/crypto/argon2"
	"golang.org/x/sync/semaphore"
)

// Hasher hashes passwords with argon2id, a few at a time. A hash takes 19 MiB and
// tens of milliseconds of a core, so a flood of sign-ins waits for a turn instead of
// using up the memory. It is safe for concurrent use. One Hasher serves the whole
// process.
type Hasher struct {
	params Params
	turn   *semaphore.Weighted
	nobody string // a hash of no password
	derive deriveFunc
}

// deriveFunc is the type of argon2.IDKey. Tests use another function.
type deriveFunc func(password, salt []byte, passes, memory uint32, lanes uint8, size uint32) []byte

// NewHasher returns a Hasher with OWASP's parameters that hashes at most parallel
// passwords at once. parallel defaults to GOMAXPROCS if it is less than 1.
func NewHasher(parallel int) *Hasher { return NewHasherWith(OWASP(), parallel) }

// NewHasherWith is like NewHasher with other parameters. Tests use Params{Memory:
// 8, Passes: 1, Lanes: 1}, which is a thousand times faster. It panics if the
// parameters are out of bounds.
func NewHasherWith(params Params, parallel int) *Hasher {
	if !params.valid() {
		panic(fmt.Sprintf("auth: argon2id parameters %+v are out of bounds", params))
	}
	if parallel < 1 {
		parallel = runtime.GOMAXPROCS(0)
	}
	nobody := hash{params, random(saltSize), random(keySize)}
	return &Hasher{params, semaphore.NewWeighted(int64(parallel)), nobody.encode(), argon2.IDKey}
}

// Hash returns the password's hash in the PHC string format. Returns a
// *PasswordError if CheckPassword does, or wraps ctx's error if ctx ends while Hash
// waits for its turn.
func (h *Hasher) Hash(ctx context.Context, password string) (encoded string, err error) {
	if err := CheckPassword(password); err != nil {
		return "", err
	}
	made := hash{Params: h.params, salt: random(saltSize)}
	made.key, err = h.key(ctx, made, password, keySize)
	if err != nil {
		return "", err
	}
	return made.encode(), nil
}

// Verify reports whether encoded is the password's hash, and if so, whether Hash
// would now use other parameters, so that the caller should hash the password
// again. Verify doesn't apply today's rules for passwords, because the password may
// have been set under earlier rules. It refuses passwords longer than MaxPassword.
//
// Returns ErrMalformedHash, or wraps ctx's error if ctx ends while Verify waits for
// its turn. For an account without a password call VerifyNobody.
func (h *Hasher) Verify(ctx context.Context, encoded, password string) (ok, outdated bool, err error) {
	stored, err := parseHash(encoded)
	if err != nil {
		return false, false, fmt.Errorf("verify a password: %w", err)
	}
	if len(password) > MaxPassword {
		return false, false, nil
	}
	key, err := h.key(ctx, stored, password, len(stored.key))
	if err != nil {
		return false, false, err
	}
	ok = subtle.ConstantTimeCompare(key, stored.key) == 1
	return ok, ok && stored.outdated(h.params), nil
}

// VerifyNobody takes as long as Verify with a hash that is not outdated, and returns
// the same errors. It is for accounts that don't exist: the response time must not
// reveal which do.
func (h *Hasher) VerifyNobody(ctx context.Context, password string) error {
	_, _, err := h.Verify(ctx, h.nobody, password)
	return err
}

// key waits for its turn and derives a key of size bytes, with the parameters and
// the salt of a hash.
func (h *Hasher) key(ctx context.Context, with hash, password string, size int) ([]byte, error) {
	if err := h.turn.Acquire(ctx, 1); err != nil {
		return nil, fmt.Errorf("wait to hash a password: %w", err)
	}
	defer h.turn.Release(1)
	return h.derive(normal(password), with.salt, with.Passes, with.Memory, with.Lanes, uint32(size)), nil
}

// random returns size random bytes. The system's randomness never fails: it crashes
// the program instead.
func random(size int) []byte {
	b := make([]byte, size)
	rand.Read(b)
	return b
}
