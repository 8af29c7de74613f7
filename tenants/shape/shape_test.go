package shape_test

import (
	"slices"
	"testing"

	"tenantry/tenants/shape"
)

func TestDifferencesNameBothSides(t *testing.T) {
	t.Parallel()
	one := shape.Shape{"table a": "", "table a, column b": "text", "table a, column c": "text"}
	other := shape.Shape{"table a": "", "table a, column b": "date", "table a, column d": "text"}
	want := []string{
		"table a, column b: in the one: text; in the other: date",
		"table a, column c: only in the one: text",
		"table a, column d: only in the other: text",
	}
	if got := one.Differences(other, "the one", "the other"); !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

func TestUnknownDialect(t *testing.T) {
	t.Parallel()
	if _, err := shape.Read(t.Context(), nil, "oracle"); err == nil {
		t.Error("no error")
	}
}
