package command

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// maxLine is the longest line that is read from standard input, in bytes. It is
// longer than any password.
const maxLine = 4 << 10

// readLine returns the first line of standard input without its end, or an
// empty string if there is none. With a prompt, a terminal does not echo the
// input. It returns early when ctx ends; the read itself can't be cancelled.
func (c *Call) readLine(prompt string) (string, error) {
	type read struct {
		line string
		err  error
	}
	done := make(chan read, 1)
	go func() {
		line, err := firstLine(c.process.Stdin, c.out, prompt)
		done <- read{line, err}
	}()
	select {
	case <-c.ctx.Done():
		return "", context.Cause(c.ctx)
	case r := <-done:
		return r.line, r.err
	}
}

func firstLine(from io.Reader, out *Output, prompt string) (string, error) {
	if f, ok := from.(*os.File); ok && prompt != "" && isTerminalFile(f) {
		out.Hint("%s:", prompt)
		typed, err := term.ReadPassword(int(f.Fd()))
		return string(typed), err
	}
	if from == nil {
		return "", nil
	}
	line, err := bufio.NewReader(io.LimitReader(from, maxLine)).ReadString('\n')
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r"), err
}
