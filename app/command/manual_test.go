package command

import (
	"bytes"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"tenantry/tenants/tenantstest/pgcluster"
)

// envUpdate has TestManual write what the commands print into the chapters.
const envUpdate = "TENANTRY_TEST_UPDATE"

// TestManual runs the console blocks of README.md and of each chapter of the
// manual in a shell, and compares what is printed: commands follow "$ ", those of
// the database server's administrator "# ", and their output follows them.
func TestManual(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts servers")
	}
	files, err := filepath.Glob("help/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(files, "../../README.md") {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".md"), func(t *testing.T) {
			t.Parallel()
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			was := parseChapter(string(content))
			now := newShell(t, strings.Contains(string(content), "\n# psql ")).run(t, was)
			if os.Getenv(envUpdate) != "" {
				if err := os.WriteFile(file, []byte(now.String()), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			now.compare(t, was)
		})
	}
}

// chapter is a text, cut into commands with their output and what is between.
type chapter []section

// section is a command with its prompt and what it prints, or a text without a
// command.
type section struct{ command, text string }

// parseChapter finds the commands of the console blocks.
func parseChapter(content string) (c chapter) {
	console := false
	for line := range strings.Lines(content) {
		switch fence := strings.HasPrefix(line, "```"); {
		case fence:
			console = strings.HasPrefix(line, "```console")
			c = append(c, section{text: line})
		case console && (strings.HasPrefix(line, "$ ") || strings.HasPrefix(line, "# ")):
			c = append(c, section{command: line})
		case console && strings.HasSuffix(c[len(c)-1].command, "\\\n"):
			c[len(c)-1].command += line
		case len(c) == 0 || fence:
			c = append(c, section{text: line})
		default:
			c[len(c)-1].text += line
		}
	}
	return c
}

// String is the chapter's text.
func (c chapter) String() string {
	var text strings.Builder
	for _, s := range c {
		text.WriteString(s.command + s.text)
	}
	return text.String()
}

// compare reports each command that prints something else than was written.
func (c chapter) compare(t *testing.T, was chapter) {
	t.Helper()
	for i := range c {
		if got, want := timeless(c[i].text), timeless(was[i].text); got != want {
			t.Errorf("%s prints\n%s\nwant\n%s", strings.TrimSpace(c[i].command), c[i].text, was[i].text)
		}
	}
}

// timeless replaces what is another thing at each run.
func timeless(text string) string {
	for _, thing := range []struct{ what, pattern string }{
		{"TIME", `\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`},
		{"ID", `\b01[0-9a-hjkmnp-tv-z]{24}\b`},
		{"TOKEN", `\btnt[a-z]_[\w-]{43}`},
		{"CHALLENGE", `tenantry-[a-z2-7]{26}`},
		{"default\tVERSION\tVERSION", `default\t\d+\t\d+`}, // every migration raises them
	} {
		text = regexp.MustCompile(thing.pattern).ReplaceAllString(text, thing.what)
	}
	return text
}

// shell runs commands as a reader would type them, in an empty folder.
type shell struct {
	dir     string
	environ []string
	// typed and seen replace what a chapter calls an address by the test's own,
	// and back.
	typed, seen *strings.Replacer
}

func newShell(t *testing.T, onPostgres bool) *shell {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	program := fmt.Sprintf("#!/bin/sh\n%s=1 exec %s \"$@\"\n", envMain, self)
	if err := os.WriteFile(filepath.Join(dir, "tenantry"), []byte(program), 0o755); err != nil {
		t.Fatal(err)
	}
	public, operator := strconv.Itoa(freePort(t)), strconv.Itoa(freePort(t))
	s := &shell{dir: dir, environ: append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "TENANTRY_BY=ada",
		"TENANTRY_ADDR=127.0.0.1:"+public, "TENANTRY_OPERATOR_ADDR=127.0.0.1:"+operator)}
	there := []string{":8080", ":" + public, ":8081", ":" + operator}
	if onPostgres {
		there = append(there, s.startPostgres(t)...)
	}
	back := slices.Clone(there)
	slices.Reverse(back)
	s.typed, s.seen = strings.NewReplacer(there...), strings.NewReplacer(back...)
	return s
}

// startPostgres has psql find a server of the test's own as its administrator.
func (s *shell) startPostgres(t *testing.T) (replacements []string) {
	t.Helper()
	if _, err := exec.LookPath("psql"); err != nil {
		t.Skip("there is no psql: what takes it is not tested")
	}
	u, err := url.Parse(pgcluster.New(t).URL())
	if err != nil {
		t.Fatal(err)
	}
	socket := u.Query().Get("host")
	password, _ := u.User.Password()
	s.environ = append(s.environ, "PGHOST="+socket, "PGUSER="+u.User.Username(), "PGPASSWORD="+password)
	return []string{"@127.0.0.1:5432/tenantry", "@/tenantry?host=" + socket, "@127.0.0.1:5432/small", "@/small?host=" + socket}
}

// run returns the chapter with what its commands print now. Those that build the
// program are not run.
func (s *shell) run(t *testing.T, c chapter) chapter {
	t.Helper()
	var script strings.Builder
	script.WriteString("exec 9<&0\n")
	for i, section := range c {
		fmt.Fprintf(&script, "echo; echo '%s%d'\n", mark, i)
		if command := strings.TrimLeft(section.command, "$# "); !strings.HasPrefix(command, "go ") {
			script.WriteString(s.typed.Replace(inBackground(command)))
		}
	}
	fmt.Fprintf(&script, "echo; echo '%send'\n[ -z \"$(jobs -p)\" ] || kill $(jobs -p); wait\n", mark)
	out := s.bash(t, script.String())
	now := slices.Clone(c)
	for i := range now {
		if _, printed, ok := strings.Cut(out, fmt.Sprintf("\n%s%d\n", mark, i)); ok && now[i].command != "" {
			printed, _, _ = strings.Cut(printed, "\n"+mark)
			if printed != "" && !strings.HasSuffix(printed, "\n") {
				printed += "\n"
			}
			now[i].text = s.seen.Replace(printed)
		}
	}
	return now
}

// mark begins the lines between the commands' outputs.
const mark = "=== section "

// inBackground has a server that is started with & print its first lines before
// the next command. Its standard input is the shell's: it ends with that.
func inBackground(command string) string {
	foreground, ok := strings.CutSuffix(strings.TrimSpace(command), "&")
	if !ok {
		return command
	}
	return foreground + " <&9 >server.out &\nuntil grep -q '^operator' server.out || ! kill -0 $!; do sleep 0.1; done; cat server.out\n"
}

// bash runs a script, whose standard input stays open.
func (s *shell) bash(t *testing.T, script string) string {
	t.Helper()
	file := filepath.Join(s.dir, "script")
	if err := os.WriteFile(file, []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "bash", file)
	cmd.Dir, cmd.Env = s.dir, s.environ
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %s", err, complaints.String())
	}
	t.Logf("standard error: %s", complaints.String())
	return out.String()
}
