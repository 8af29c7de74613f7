package pgcluster

import (
	"bufio"
	"crypto/rand"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

//go:embed supervisor.sh
var script string

// supervisor is the shell process that owns a throwaway server. It exits when commands is
// closed, which the end of this process also does.
type supervisor struct {
	process  *exec.Cmd
	commands io.WriteCloser
	answers  *bufio.Reader
	dir      string // holds the server's socket, data and log
	url      string
	password string // of the user postgres
}

// launch starts a supervisor with a new, running server, created with initdb's options.
func launch(options ...string) (*supervisor, error) {
	password := rand.Text()
	return launchWith(password, "init "+password+" "+strings.Join(options, " "))
}

// launchStandby starts a supervisor with a running standby of another supervisor's server.
func launchStandby(of *supervisor) (*supervisor, error) {
	return launchWith(of.password, "copy "+of.dir+" "+of.password)
}

// launchWith starts a supervisor with a running server, which a command makes.
func launchWith(password, command string) (*supervisor, error) {
	bin, err := programs()
	if err != nil {
		return nil, err
	}
	s, err := supervise(bin)
	if err != nil {
		return nil, fmt.Errorf("start a throwaway server: %w", err)
	}
	s.password = password
	if err := errors.Join(s.do(command), s.do("start")); err != nil {
		s.close()
		return nil, err
	}
	s.url = urlOf(password, s.dir)
	return s, nil
}

// urlOf returns the URL of the database "postgres" on the servers whose sockets are in the folders.
func urlOf(password string, folders ...string) string {
	return (&url.URL{
		Scheme:   "postgres",
		User:     url.UserPassword("postgres", password),
		Path:     "/postgres",
		RawQuery: url.Values{"host": {strings.Join(folders, ",")}}.Encode(),
	}).String()
}

func supervise(bin string) (*supervisor, error) {
	attributes, err := unprivileged()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command("sh", "-c", script, "pgcluster", bin, fsync())
	cmd.Dir = "/" // the working directory may be closed to the server's user
	cmd.SysProcAttr = attributes
	commands, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	answers, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s := &supervisor{process: cmd, commands: commands, answers: bufio.NewReader(answers)}
	if s.dir, err = s.answer(); err != nil {
		s.close()
		return nil, fmt.Errorf("make a folder in TMPDIR or /tmp: %w", err)
	}
	return s, nil
}

// do sends a command and waits until it is done.
func (s *supervisor) do(command string) error {
	name, _, _ := strings.Cut(command, " ") // the rest may be a password
	if _, err := io.WriteString(s.commands, command+"\n"); err != nil {
		return fmt.Errorf("%s the throwaway server: %w", name, err)
	}
	answer, err := s.answer()
	if err != nil {
		return fmt.Errorf("%s the throwaway server: %w", name, err)
	}
	if answer != "ok" {
		return fmt.Errorf("%s the throwaway server: %s", name, s.lastWords())
	}
	return nil
}

func (s *supervisor) answer() (string, error) {
	line, err := s.answers.ReadString('\n')
	return strings.TrimSuffix(line, "\n"), err
}

// lastWords returns the end of the server's log.
func (s *supervisor) lastWords() string {
	log, err := os.ReadFile(filepath.Join(s.dir, "log"))
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(log[max(0, len(log)-1000):]))
}

// close stops the server, removes its folder, and waits until both are done.
func (s *supervisor) close() {
	s.commands.Close()
	s.process.Wait()
}

// programs returns the folder of Postgres' server programs: the one in PATH, or else Debian's
// newest.
func programs() (string, error) {
	var folders []string
	if found, err := exec.LookPath("initdb"); err == nil {
		if real, err := filepath.EvalSymlinks(found); err == nil {
			folders = append(folders, filepath.Dir(real))
		}
	}
	for _, folder := range append(folders, versions()...) {
		if complete(folder) {
			return folder, nil
		}
	}
	return "", errors.New("no initdb, pg_ctl and postgres in the PATH or in /usr/lib/postgresql/*/bin")
}

// versions returns Debian's folders of programs, newest first.
func versions() []string {
	folders, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	number := func(folder string) int {
		n, _ := strconv.Atoi(filepath.Base(filepath.Dir(folder)))
		return n
	}
	slices.SortFunc(folders, func(a, b string) int { return number(b) - number(a) })
	return folders
}

func complete(folder string) bool {
	for _, program := range []string{"initdb", "pg_ctl", "postgres"} {
		if _, err := exec.LookPath(filepath.Join(folder, program)); err != nil {
			return false
		}
	}
	return true
}

// unprivileged makes a process start in a session of its own, so that the terminal's signals
// don't reach it, and not as root, which Postgres refuses.
func unprivileged() (*syscall.SysProcAttr, error) {
	attributes := &syscall.SysProcAttr{Setsid: true}
	if os.Getuid() != 0 {
		return attributes, nil
	}
	account, err := user.Lookup("postgres")
	if err != nil {
		account, err = user.Lookup("nobody")
	}
	if err != nil {
		return nil, fmt.Errorf("find an unprivileged user: %w", err)
	}
	uid, err := strconv.ParseUint(account.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(account.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	attributes.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return attributes, nil
}

// fsync returns the server's setting: off for tests, which needn't survive a power failure, and
// on for benchmarks, whose results would be wrong without it.
func fsync() string {
	if bench := flag.Lookup("test.bench"); bench != nil && bench.Value.String() != "" {
		return "on"
	}
	return "off"
}
