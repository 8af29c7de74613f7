package fleet

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"tenantry/tenants/lifecycle"
)

// Plan says which tenants a run migrates, and in which waves. The zero value migrates all that are behind, in
// one wave.
type Plan struct {
	// Tenants are the subdomains of the tenants to migrate. Defaults to all that are behind.
	Tenants []string `json:"tenants,omitempty"`
	// Except are the subdomains of tenants that are left out.
	Except []string `json:"except,omitempty"`
	// Server limits the run to the tenants on this server.
	Server string `json:"server,omitempty"`
	// Failed limits the run to tenants whose last migration failed.
	Failed bool `json:"failed,omitempty"`
	// First limits the number of tenants. 0 means no limit.
	First int `json:"first,omitempty"`
	// Canaries are the subdomains of the tenants that are the first wave.
	Canaries []string `json:"canaries,omitempty"`
	// Waves are the sizes of the waves after the canaries. The tenants that are left are the last wave.
	Waves []Size `json:"waves,omitempty"`
	// PauseSeconds is the time between two waves, in seconds.
	PauseSeconds int `json:"pause_seconds,omitempty"`
	// MaxFailures stops the run after a wave if more tenants have failed since it was begun or resumed. Nil means
	// no limit.
	MaxFailures *int `json:"max_failures,omitempty"`
	// Parallel is the number of databases that are migrated at the same time on each server, up to 64. Defaults to 4.
	Parallel int `json:"parallel,omitempty"`
	// Gate compares the requests of migrated tenants with those of the others in the pause between two waves.
	Gate Gate `json:"gate,omitzero"`
	// KeepCopies keeps a copy of each database before it is migrated, until the run is accepted. It is possible for
	// tenants on SQLite.
	KeepCopies bool `json:"keep_copies,omitempty"`
	// DespiteOlderBuilds begins the run although processes are alive whose builds can't serve the tenants once they are
	// migrated. Those processes answer 503 for them.
	DespiteOlderBuilds bool `json:"despite_older_builds,omitempty"`
}

// pause is the time between two waves.
func (p Plan) pause() time.Duration { return time.Duration(p.PauseSeconds) * time.Second }

// Check returns a *lifecycle.FilterError for a field whose value is impossible.
func (p Plan) Check() error {
	fault := func(field, want string, got int) error {
		return &lifecycle.FilterError{Field: field, Message: fmt.Sprintf("is %d: want %s", got, want)}
	}
	switch {
	case p.First < 0:
		return fault("first", "a number from 1", p.First)
	case p.PauseSeconds < 0:
		return fault("pause_seconds", "a number from 0", p.PauseSeconds)
	case p.MaxFailures != nil && *p.MaxFailures < 0:
		return fault("max_failures", "a number from 0", *p.MaxFailures)
	case p.Parallel < 0 || p.Parallel > maxParallel:
		return fault("parallel", fmt.Sprintf("a number from 1 to %d", maxParallel), p.Parallel)
	}
	return errors.Join(checkWaves(p.Waves), p.Gate.check())
}

// checkWaves returns a *lifecycle.FilterError for a wave that would have no tenants whatever the run's size.
func checkWaves(sizes []Size) error {
	done := 0 // percent
	for _, size := range sizes {
		if done == 100 || size.Percent && size.Number <= done {
			return &lifecycle.FilterError{Field: "waves", Message: fmt.Sprintf(
				"has %s after %d%%, so the wave would have no tenants: a percentage is what is done after the wave, and must be above those before it, such as 10%%,50%%", size, done)}
		}
		if size.Percent {
			done = size.Number
		}
	}
	return nil
}

// maxParallel is the largest Plan.Parallel.
const maxParallel = 64

// Size is the size of a wave: a number of tenants, or the percentage of the run's tenants that are done after the wave.
type Size struct {
	Number  int
	Percent bool
}

// ParseSizes parses the sizes of waves. It returns a *lifecycle.FilterError for the field waves.
func ParseSizes(texts []string) ([]Size, error) {
	sizes := make([]Size, len(texts))
	for i, text := range texts {
		if err := sizes[i].UnmarshalText([]byte(text)); err != nil {
			return nil, &lifecycle.FilterError{Field: "waves", Message: err.Error()}
		}
	}
	return sizes, nil
}

// UnmarshalText parses 10 or 25%. Returns an error for a number below 1 and for a percentage above 100.
func (s *Size) UnmarshalText(text []byte) error {
	digits, percent := strings.CutSuffix(string(text), "%")
	number, err := strconv.Atoi(digits)
	if err != nil || number < 1 || percent && number > 100 {
		return fmt.Errorf("has a size %q: want a number of tenants such as 10, or a percentage such as 25%%", text)
	}
	*s = Size{number, percent}
	return nil
}

// MarshalText returns the text that UnmarshalText parses.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// String returns the text that UnmarshalText parses.
func (s Size) String() string {
	if s.Percent {
		return fmt.Sprintf("%d%%", s.Number)
	}
	return strconv.Itoa(s.Number)
}

// waves returns the number of tenants in each wave of a run, whose first wave is that many canaries.
func (p Plan) waves(total, canaries int) []int {
	var waves []int
	left := total
	add := func(size int) {
		if size = min(size, left); size > 0 {
			waves = append(waves, size)
			left -= size
		}
	}
	add(canaries)
	for _, size := range p.Waves {
		if size.Percent {
			add((total*size.Number+99)/100 - (total - left))
		} else {
			add(size.Number)
		}
	}
	add(left)
	return waves
}
