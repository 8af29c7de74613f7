package console_test

import (
	"testing"
)

// TestManual shows the chapters and one of them, and knows no other files.
func TestManual(t *testing.T) {
	t.Parallel()
	s := small(t)
	s.get(t, "/manual").expect(t, 200, `<a href="/manual/tenants">The life of a tenant</a>`, "Settings")
	s.get(t, "/manual/tenants").expect(t, 200, "<h1>The life of a tenant</h1>", "<code>doctor</code>", "", "<b>")
	s.get(t, "/manual/settings").expect(t, 200, "<td>none</td>")
	for _, topic := range []string{"nothing", "..%2fconsole", "tenants.md", "%00"} {
		s.get(t, "/manual/"+topic).expect(t, 404, "Not found")
	}
}
