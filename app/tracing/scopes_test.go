package tracing

import (
	"strings"
	"testing"
)

// TestStatementsHaveNoValues, not even those that stand in their text.
func TestStatementsHaveNoValues(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"SELECT ? FROM t WHERE a = $1":    "SELECT ? FROM t WHERE a = $1",
		"SELECT 'x' || 'it''s secret', b": "SELECT ? || ??, b",
		"SELECT 'open secret":             "SELECT ?",
		"SELECT $$secret$$":               "SELECT  …",
		"SELECT $tag$secret$tag$":         "SELECT  …",
		"":                                "",
		strings.Repeat("a", maxQuery) + "and much more": strings.Repeat("a", maxQuery) + " …",
	} {
		if got := withoutValues(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

// TestWanted: traces are exported if an endpoint is set and nothing turns them off.
func TestWanted(t *testing.T) {
	t.Parallel()
	const at = "http://127.0.0.1:4318"
	for _, test := range []struct {
		environ map[string]string
		want    bool
		wrong   string
	}{
		{nil, false, ""},
		{map[string]string{endpoint: at}, true, ""},
		{map[string]string{tracesEndpoint: at + "/v1/traces", tracesProtocol: supported}, true, ""},
		{map[string]string{endpoint: at, disabled: "true"}, false, ""},
		{map[string]string{endpoint: at, exporter: "none"}, false, ""},
		{map[string]string{protocol: "grpc"}, false, ""},
		{map[string]string{endpoint: at, protocol: "grpc"}, false, protocol},
		{map[string]string{endpoint: "collector:4318"}, false, endpoint},
	} {
		got, err := Wanted(func(name string) string { return test.environ[name] })
		if got != test.want || (err == nil) != (test.wrong == "") || err != nil && !strings.Contains(err.Error(), test.wrong) {
			t.Errorf("%v: %t, %v", test.environ, got, err)
		}
	}
}
