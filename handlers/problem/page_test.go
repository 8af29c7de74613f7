package problem_test

import (
	"net/http/httptest"
	"testing"

	"tenantry/handlers/problem"
)

func TestWhoWantsPages(t *testing.T) {
	t.Parallel()
	const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
	for _, test := range []struct {
		path, accept string
		want         bool
	}{
		{"/", browser, true},
		{"/projects/1", "TEXT/HTML", true},
		{"/apiary", browser, true},
		{"/", "", false},
		{"/", "*/*", false},
		{"/", "text/*", false},
		{"/", "application/json, text/html;q=0.9", false},
		{"/", "application/problem+json;q=0.5, text/html;q=0.9", true},
		{"/", "text/html;q=0", false},
		{"/", "text/html;q=x", false},
		{"/api", browser, false},
		{"/api/projects", browser, false},
	} {
		r := httptest.NewRequest("GET", test.path, nil)
		r.Header.Set("Accept", test.accept)
		if got := problem.WantsPage(r); got != test.want {
			t.Errorf("%s with Accept %q: %t", test.path, test.accept, got)
		}
	}
}
