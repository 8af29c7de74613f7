package command

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// Output writes results in the form that suits the reader: JSON for a program,
// aligned tables for a terminal, or plain lines for a pipe.
type Output struct {
	stdout, stderr io.Writer
	json           bool
	noHeader       bool // of tables
	table          bool // standard output is a terminal
	bar            bool // standard error is a terminal
}

func newOutput(p Process, asJSON, noHeader bool) *Output {
	return &Output{untilClosed{p.Stdout}, untilClosed{p.Stderr}, asJSON, noHeader, isTerminal(p.Stdout), isTerminal(p.Stderr)}
}

// untilClosed discards what is written after the reader of a pipe has gone, as
// "| head" does: the command still does its work, and its exit status reports
// the result.
type untilClosed struct{ io.Writer }

// Write reports success when the pipe's reader has gone.
func (w untilClosed) Write(p []byte) (int, error) {
	n, err := w.Writer.Write(p)
	if errors.Is(err, syscall.EPIPE) {
		return len(p), nil
	}
	return n, err
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && isTerminalFile(f)
}

func isTerminalFile(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// JSON reports whether the command must write only one JSON document to standard
// output.
func (o *Output) JSON() bool { return o.json }

// Document writes the command's JSON document.
func (o *Output) Document(v any) error {
	encoder := json.NewEncoder(o.stdout)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(v)
}

// Line writes a line for people.
func (o *Output) Line(format string, args ...any) error {
	_, err := fmt.Fprintf(o.stdout, format+"\n", args...)
	return err
}

// Rows writes a table, aligned on a terminal and separated by tabs elsewhere. It
// has a header line unless --no-header is given.
func (o *Output) Rows(header []string, rows [][]string) error {
	if !o.noHeader {
		rows = append([][]string{header}, rows...)
	}
	if !o.table {
		for _, row := range rows {
			if err := o.Line("%s", strings.Join(row, "\t")); err != nil {
				return err
			}
		}
		return nil
	}
	w := tabwriter.NewWriter(o.stdout, 0, 0, 3, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(w, strings.Join(row, "\t")) // Flush returns the error
	}
	return w.Flush()
}

// Hint writes a line to standard error.
func (o *Output) Hint(format string, args ...any) {
	fmt.Fprintf(o.stderr, format+"\n", args...)
}

// progress returns a reporter of progress on standard error: a bar on a terminal,
// else a line per finished item.
func (o *Output) progress() *progress { return &progress{out: o} }

// progress shows the progress of several items, one after another. It is not
// safe for concurrent use.
type progress struct {
	out  *Output
	bar  *progressbar.ProgressBar
	what string
}

// step reports that done of total steps are finished. what names the item.
func (p *progress) step(what string, done, total int) {
	if !p.out.bar {
		if done == total {
			p.out.Hint("%s: %d of %d", what, done, total)
		}
		return
	}
	if p.bar == nil || p.what != what {
		p.what = what
		p.bar = progressbar.NewOptions(total,
			progressbar.OptionSetWriter(p.out.stderr),
			progressbar.OptionSetDescription(what),
			progressbar.OptionShowCount(),
			progressbar.OptionSetWidth(30),
			progressbar.OptionThrottle(50*time.Millisecond),
			progressbar.OptionOnCompletion(func() { p.out.Hint("") }),
		)
	}
	_ = p.bar.Set(done) // a bar that can't be drawn does no harm
}
