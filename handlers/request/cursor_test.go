package request

import (
	"math"
	"slices"
	"testing"
)

func TestCursorsStandForTheirKeys(t *testing.T) {
	t.Parallel()
	p := Page{List: "tasks/7", Order: Order{Columns: []string{"position", "id"}}}
	for _, keys := range [][]int64{{0, 1}, {-1024, 7}, {math.MinInt64, math.MaxInt64}} {
		if got, ok := p.ParseCursor(p.cursor(keys)); !ok || !slices.Equal(got, keys) {
			t.Errorf("%v became %v, %v", keys, got, ok)
		}
	}
}

func FuzzCursor(f *testing.F) {
	tasks := Page{List: "tasks/7", Order: Order{Columns: []string{"position", "id"}}}
	users := Page{List: "users", Order: Order{Columns: []string{"id"}}}
	for _, seed := range []string{"", "x", "=", tasks.cursor([]int64{1, 2}), users.cursor([]int64{1}), users.cursor([]int64{1, 2}), "dXNlcnMgKzE"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		keys, ok := tasks.ParseCursor(text)
		if ok && (len(keys) != 2 || tasks.cursor(keys) != text) {
			t.Errorf("%q is the cursor of %v", text, keys)
		}
		if _, both := users.ParseCursor(text); ok && both {
			t.Errorf("%q is a cursor of two lists", text)
		}
	})
}
