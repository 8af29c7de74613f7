package migrate

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

func TestLockTimeoutIsTriedAgain(t *testing.T) {
	t.Parallel()
	timeout, other := &pgconn.PgError{Code: lockNotAvailable}, errors.New("other")
	for name, test := range map[string]struct {
		results []error // of one try after another
		tries   int
		want    error
	}{
		"at once":        {[]error{nil}, 1, nil},
		"second time":    {[]error{timeout, nil}, 2, nil},
		"third time":     {[]error{timeout, timeout, nil}, 3, nil},
		"never":          {[]error{timeout, timeout, timeout}, 3, timeout},
		"another error":  {[]error{other}, 1, other},
		"another, later": {[]error{timeout, other}, 2, other},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tries := 0
			err := upWithRetries(t.Context(), time.Millisecond, func() error {
				tries++
				return test.results[tries-1]
			})
			if err != test.want || tries != test.tries {
				t.Errorf("%v after %d tries, want %v after %d", err, tries, test.want, test.tries)
			}
		})
	}
}

func TestPauseObeysTheContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	timeout := &pgconn.PgError{Code: lockNotAvailable}
	err := upWithRetries(ctx, time.Hour, func() error {
		cancel()
		return timeout
	})
	if err != error(timeout) {
		t.Errorf("got %v", err)
	}
}
