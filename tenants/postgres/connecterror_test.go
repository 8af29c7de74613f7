package postgres

import (
	"context"
	"net"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"tenantry/tenants"
)

// TestUnreachableServerIsOneLine: operators read this error first.
func TestUnreachableServerIsOneLine(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := silent.Addr().String()
	if err := silent.Close(); err != nil { // the port is closed now
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	isRefused := regexp.MustCompile("connection refused|connection reset") // the latter from another process that has the port now
	for _, host := range []string{"127.0.0.1", "localhost"} {
		url := "postgres://user:hunter2@" + host + ":" + port + "/d"
		_, masterErr := OpenMaster(t.Context(), MasterConfig{URL: url})
		_, engineErr := New(t.Context(), configAt(t, url))
		for what, err := range map[string]error{"open master": masterErr, "new": engineErr} {
			wantError(t, what, err, tenants.ErrUnavailable)
			if text := err.Error(); strings.Contains(text, "\n") || strings.Contains(text, "hunter2") || !strings.Contains(text, host+":"+port+": ") || !isRefused.MatchString(text) {
				t.Errorf("%s: %s", what, text)
			}
		}
	}
}

// TestDeadlinesOfConnects: only a connect that was cut by its caller's deadline counts as a wait in vain.
func TestDeadlinesOfConnects(t *testing.T) {
	t.Parallel()
	due, cancel := context.WithDeadline(t.Context(), time.Now())
	defer cancel()
	later, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	for name, test := range map[string]struct {
		ctx  context.Context
		err  error
		want bool
	}{
		"deadline":           {due, context.DeadlineExceeded, true},
		"time-out":           {due, os.ErrDeadlineExceeded, true},
		"refused sign-in":    {due, &pgconn.PgError{Code: codeWrongPassword}, false},
		"cancelled":          {due, context.Canceled, false},
		"time-out before it": {later, os.ErrDeadlineExceeded, false},
		"no deadline":        {t.Context(), os.ErrDeadlineExceeded, false},
	} {
		if got := isDue(test.ctx, test.err); got != test.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
