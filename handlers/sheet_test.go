package handlers

import (
	"fmt"
	"testing"

	"tenantry/handlers/request"
)

func TestSheetCountsRowsAndLines(t *testing.T) {
	t.Parallel()
	var bad request.Faults
	s := readSheet([]byte("\ufeffb,a\r\n\r\n1,\"x\ny\"\r\n2,z\r\n"), &bad, 10, "a", "b")
	want := "[{1 3 [1 x\ny]} {2 5 [2 z]}]"
	if got := fmt.Sprint(s.rows); got != want || bad.Err() != nil {
		t.Errorf("rows %s, want %s; %v", got, want, bad)
	}
	if got := fmt.Sprint(s.cells("a"), s.cells("c")); got != "[x\ny z] []" {
		t.Errorf("cells %s", got)
	}
}

func FuzzSheet(f *testing.F) {
	for _, seed := range []string{"", "a", "a\nb", "a,b\n1,2\n", "\ufeffa\n\"", "a\n\"\"\"\n", "b\n1\n", "a\r\n\r\n\r1", "a,a\n", "\xff\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var bad request.Faults
		s := readSheet(data, &bad, 3, "a", "b")
		if len(s.rows) > 3 || len(bad) > request.MaxFaults || len(s.rows) == 0 && len(bad) == 0 {
			t.Errorf("%d rows, faults %v", len(s.rows), bad)
		}
		for i, row := range s.rows {
			if len(row.cells) != len(s.columns) || row.number < i+1 || row.line <= row.number {
				t.Errorf("row %d is %v", i, row)
			}
		}
	})
}
