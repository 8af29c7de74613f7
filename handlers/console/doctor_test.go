package console_test

import (
	"fmt"
	"testing"

	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
)

func TestDoctor(t *testing.T) {
	t.Parallel()
	s := small(t)
	s.get(t, "/doctor").expect(t, 200, "No checkup yet", "Examine everything", "", "Repair")
	var repairs []bool
	found := []lifecycle.Finding{{Kind: "role-missing", Subject: "acme", Detail: "there is no <role>",
		Remedy: "do something"}}
	s.doctor = func(what lifecycle.Checkup) ([]lifecycle.Finding, error) {
		if what.By != "Ada" {
			t.Errorf("it is done by %q", what.By)
		}
		repairs = append(repairs, what.Repair)
		found[0].Repaired = what.Repair
		return found, nil
	}
	s.post(t, "/doctor").leads(t, "/doctor")
	s.get(t, "/doctor").expect(t, 200, "role-missing", "acme", "no &lt;role&gt;", "do something", "1 finding needs",
		"Repair what can be", "by Ada")
	s.post(t, "/doctor", "repair", "true").leads(t, "/doctor")
	s.get(t, "/doctor").expect(t, 200, "repaired", "Everything that was found is repaired", "", "do something",
		"Repair what can be")
	if fmt.Sprint(repairs) != "[false true]" {
		t.Errorf("%v", repairs)
	}
	found = nil
	s.doctor = func(lifecycle.Checkup) ([]lifecycle.Finding, error) { return found, nil }
	s.post(t, "/doctor").leads(t, "/doctor")
	s.get(t, "/doctor").expect(t, 200, "All is well")
	found = make([]lifecycle.Finding, 600)
	s.post(t, "/doctor").leads(t, "/doctor")
	s.get(t, "/doctor").expect(t, 200, "600 findings need", "100 more are not shown")
	s.doctor = func(lifecycle.Checkup) ([]lifecycle.Finding, error) { return nil, tenants.ErrUnavailable }
	s.post(t, "/doctor").leads(t, "/doctor")
	s.get(t, "/doctor").expect(t, 200, "It ended early: "+tenants.ErrUnavailable.Error(), "", "All is well")
}

// TestLongCheckup is shown as it goes on, and no other begins meanwhile.
func TestLongCheckup(t *testing.T) {
	t.Parallel()
	s := small(t)
	if events := s.readEvents(t, "/doctor/events", func() {}); fmt.Sprint(events) != "[event: over data: {}]" {
		t.Errorf("before a checkup: %v", events)
	}
	begun, goOn := make(chan struct{}), make(chan struct{})
	s.doctor = func(what lifecycle.Checkup) ([]lifecycle.Finding, error) {
		what.Progress(3, 2000)
		close(begun)
		<-goOn
		return nil, nil
	}
	answered := make(chan reply, 1)
	go func() { answered <- s.post(t, "/doctor") }()
	<-begun
	s.post(t, "/doctor").expect(t, 409, "Another checkup is running", `>3</span> of <span data-total>2,000<`, "disabled")
	events := s.readEvents(t, "/doctor/events", func() { close(goOn) })
	if last := events[len(events)-2:]; fmt.Sprint(last) != "[event: over data: {}]" {
		t.Errorf("%v", events)
	}
	(<-answered).leads(t, "/doctor")
	s.get(t, "/doctor").expect(t, 200, "All is well")
}
