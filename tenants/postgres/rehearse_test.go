package postgres

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"tenantry/tenants"
)

// TestLeftoverOfARehearsalIsDiscarded has the database of a process that was killed, and that of one that goes on.
func TestLeftoverOfARehearsalIsDiscarded(t *testing.T) {
	t.Parallel()
	e := alone(t)
	old := e.scratchPrefix() + strings.ToLower(ulid.MustNew(ulid.Timestamp(time.Now().Add(-2*time.Hour)), ulid.DefaultEntropy()).String())
	young := e.scratchName()
	for _, name := range []string{old, young} {
		if err := e.layout.createDraft(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	wantSurvey(t, e, "temporary "+old, "temporary "+young)
	objects, err := e.Survey(t.Context())
	if err != nil || objects[0].Age < time.Hour || objects[1].Age == 0 || objects[1].Age > time.Hour {
		t.Errorf("objects %+v, %v", objects, err)
	}
	session, err := openSession(t.Context(), connector{server: e.server, database: young}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Discard(t.Context(), objects[1]); !errors.Is(err, tenants.ErrInUse) {
		t.Errorf("discard one in use: %v", err)
	}
	session.close()
	for _, o := range objects {
		if err := e.Discard(t.Context(), o); err != nil {
			t.Error(err)
		}
	}
	wantSurvey(t, e)
}
