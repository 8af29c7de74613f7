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
	s.get(t, "/doctor").expect(t, 200, "Nothing was examined yet", "Examine everything", "", "Repair")
	var repairs []bool
	found := []lifecycle.Finding{{Kind: "role-missing", Subject: "acme", Detail: "there is no <role>", Remedy: "do something"}}
	s.doctor = func(repair bool) ([]lifecycle.Finding, error) {
		repairs = append(repairs, repair)
		found[0].Repaired = repair
		return found, nil
	}
	s.post(t, "/doctor").leads(t, "/doctor")
	s.get(t, "/doctor").expect(t, 200, "role-missing", "acme", "no &lt;role&gt;", "do something", "1 finding needs", "Repair what can be", "by Ada")
	s.post(t, "/doctor", "repair", "true").leads(t, "/doctor")
	s.get(t, "/doctor").expect(t, 200, "repaired", "All that was found is repaired", "", "do something", "Repair what can be")
	if fmt.Sprint(repairs) != "[false true]" {
		t.Errorf("%v", repairs)
	}
	found = nil
	s.doctor = func(bool) ([]lifecycle.Finding, error) { return found, nil }
	s.post(t, "/doctor").leads(t, "/doctor")
	s.get(t, "/doctor").expect(t, 200, "All is well")
	found = make([]lifecycle.Finding, 600)
	s.post(t, "/doctor").leads(t, "/doctor")
	s.get(t, "/doctor").expect(t, 200, "600 findings need", "100 more are not shown")
	s.doctor = func(bool) ([]lifecycle.Finding, error) { return nil, tenants.ErrUnavailable }
	s.post(t, "/doctor").expect(t, 503, "or a server")
	s.doctor = func(bool) ([]lifecycle.Finding, error) {
		s.post(t, "/doctor").expect(t, 409, "busy with another checkup")
		return nil, nil
	}
	s.post(t, "/doctor").leads(t, "/doctor")
}
