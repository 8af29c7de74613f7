package handlers

import (
	"math"
	"slices"
	"testing"
)

func TestCursorsStandForTheirKeys(t *testing.T) {
	t.Parallel()
	p := page{list: "tasks/7", order: order{columns: []string{"position", "id"}}}
	for _, keys := range [][]int64{{0, 1}, {-1024, 7}, {math.MinInt64, math.MaxInt64}} {
		if got, ok := p.parseCursor(p.cursor(keys)); !ok || !slices.Equal(got, keys) {
			t.Errorf("%v became %v, %v", keys, got, ok)
		}
	}
}

func FuzzCursor(f *testing.F) {
	tasks := page{list: "tasks/7", order: order{columns: []string{"position", "id"}}}
	users := page{list: "users", order: order{columns: []string{"id"}}}
	for _, seed := range []string{"", "x", "=", tasks.cursor([]int64{1, 2}), users.cursor([]int64{1}), users.cursor([]int64{1, 2}), "dXNlcnMgKzE"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		keys, ok := tasks.parseCursor(text)
		if ok && (len(keys) != 2 || tasks.cursor(keys) != text) {
			t.Errorf("%q is the cursor of %v", text, keys)
		}
		if _, both := users.parseCursor(text); ok && both {
			t.Errorf("%q is a cursor of two lists", text)
		}
	})
}
