package shape_test

import (
	"strings"
	"testing"

	"tenantry/tenants/shape"
)

func TestDrift(t *testing.T) {
	t.Parallel()
	want := shape.Shape{
		"table a": "", "table a, column b": "text, null", "table a, check c": "CHECK ((kind)::text = ANY ((ARRAY['x'::character varying, 'y'::character varying])::text[]))",
		"table z": "persistence p", "relation of kind v w": "persistence p, options security_barrier=true", "table z, index i": "unique", "function f(a, b)": strings.Repeat("long ", 50), "migration 1": "applied",
	}
	for name, test := range map[string]struct {
		change shape.Shape // "-" takes a thing away
		want   string
	}{
		"nothing":            {nil, ""},
		"a missing part":     {shape.Shape{"table a, column b": "-"}, "table a: column b is missing"},
		"a part too many":    {shape.Shape{"table a, column d": "date"}, "table a: column d is in no migration"},
		"other properties":   {shape.Shape{"table a, column b": "date"}, "table a: column b is (date) and should be (text, null)"},
		"two":                {shape.Shape{"table a, column b": "-", "table z, index i": "-"}, "table a: column b is missing, and there is 1 more difference"},
		"a table, first":     {shape.Shape{"table a, column b": "-", "table z": "-", "table z, index i": "-"}, "table z is missing, and there are 2 more differences"},
		"a long definition":  {shape.Shape{"function f(a, b)": "short"}, "function f(a, b) is not as the migrations make it"},
		"other records":      {shape.Shape{"migration 1": "applied, taken back, applied", "migration 7": "applied"}, ""},
		"storage parameters": {shape.Shape{"table z": "persistence p, fillfactor=90,autovacuum_enabled=false"}, ""},
		"a view's options": {shape.Shape{"relation of kind v w": "persistence p"},
			"relation of kind v w is (persistence p) and should be (persistence p, options security_barrier=true)"},
		"no properties":      {shape.Shape{"table a, column b": ""}, "table a: column b is (none) and should be (text, null)"},
		"large objects":      {shape.Shape{"large objects": "3"}, ""},
		"a check reprinted":  {shape.Shape{"table a, check c": "CHECK (((kind)::text = ANY (ARRAY[('x'::character varying)::text, ('y'::character varying)::text])))"}, ""},
		"a check of another": {shape.Shape{"table a, check c": "CHECK (kind = ANY (ARRAY['x'::text, 'z'::text]))"}, "table a: check c is (CHECK (kind = ANY (ARRAY['x'::text, 'z'::text]))) and should be (CHECK ((kind)::text = ANY ((ARRAY['x'::character varying, 'y'::character varying])::text[])))"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := want.Without("nothing")
			for thing, properties := range test.change {
				got[thing] = properties
				if properties == "-" {
					delete(got, thing)
				}
			}
			if drift := got.Drift(want); drift != test.want {
				t.Errorf("got %q, want %q", drift, test.want)
			}
		})
	}
}
