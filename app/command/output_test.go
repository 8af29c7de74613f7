package command

import (
	"bytes"
	"strings"
	"testing"
)

func TestRowsOnATerminalAndInAPipe(t *testing.T) {
	t.Parallel()
	header, rows := []string{"NAME", "N"}, [][]string{{"acme", "1"}, {"globex", "22"}}
	for table, want := range map[bool]string{
		true:  "NAME     N\nacme     1\nglobex   22\n",
		false: "NAME\tN\nacme\t1\nglobex\t22\n",
	} {
		var stdout bytes.Buffer
		if err := (&Output{stdout: &stdout, table: table}).Rows(header, rows); err != nil {
			t.Fatal(err)
		}
		if stdout.String() != want {
			t.Errorf("on a terminal %t: %q, want %q", table, stdout.String(), want)
		}
	}
}

func TestProgressOnATerminalAndInAPipe(t *testing.T) {
	t.Parallel()
	for bar, escapes := range map[bool]bool{true: true, false: false} {
		var stderr bytes.Buffer
		p := (&Output{stderr: &stderr, bar: bar}).progress()
		for _, what := range []string{"acme", "globex"} {
			for done := 1; done <= 3; done++ {
				p.step(what, done, 3)
			}
		}
		got := stderr.String()
		if strings.ContainsAny(got, "\r\x1b") != escapes || !strings.Contains(got, "acme") || !strings.Contains(got, "globex") {
			t.Errorf("on a terminal %t: %q", bar, got)
		}
		if !bar && got != "acme: 3 of 3\nglobex: 3 of 3\n" {
			t.Errorf("in a pipe: %q", got)
		}
	}
}
