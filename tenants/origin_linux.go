package tenants

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// ownOrigin returns this process's origin as a text, or an empty text if the system doesn't tell.
func ownOrigin() string { return originOf(os.Getpid()) }

// originOf is ownOrigin for another process in the same namespace.
func originOf(pid int) string {
	machine, err := ownMachine()
	if err != nil {
		return ""
	}
	started, _, err := processStat(pid)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%s %d %s", machine, pid, started)
}

// hasEnded reports whether the process with that origin has certainly ended. A process that is stopped, or cut off from
// the master, has not; of a process on another machine, or in a container of its own, nothing is known.
func hasEnded(text string) bool {
	o, ok := parseOrigin(text)
	if !ok {
		return false
	}
	if machine, err := ownMachine(); err != nil || machine != o.machine {
		return false
	}
	if err := syscall.Kill(o.pid, 0); errors.Is(err, syscall.ESRCH) { // also where /proc hides others' processes
		return true
	}
	started, state, err := processStat(o.pid)
	return err == nil && (started != o.started || state == "Z" || state == "X")
}

func parseOrigin(text string) (o origin, ok bool) {
	words := strings.Fields(text)
	if len(words) != 5 {
		return origin{}, false
	}
	pid, err := strconv.Atoi(words[3])
	return origin{strings.Join(words[:3], " "), pid, words[4]}, err == nil && pid > 0
}

// ownMachine returns the kernel's id of its start, the host's name, and the namespace of this process's id.
func ownMachine() (string, error) {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", err
	}
	host, err := os.Hostname()
	if err != nil {
		return "", err
	}
	namespace, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		return "", err
	}
	machine := strings.TrimSpace(string(boot)) + " " + host + " " + namespace
	if len(strings.Fields(machine)) != 3 {
		return "", fmt.Errorf("machine %q", machine)
	}
	return machine, nil
}

// processStat returns when a process started, in the kernel's ticks, and its state.
func processStat(pid int) (started, state string, err error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", "", err
	}
	_, rest, _ := strings.Cut(string(stat), "(")
	fields := strings.Fields(rest[strings.LastIndex(rest, ")")+1:]) // the name between them may have spaces
	if len(fields) < 20 {
		return "", "", fmt.Errorf("/proc/%d/stat has %d fields", pid, len(fields))
	}
	return fields[19], fields[0], nil
}
