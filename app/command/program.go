package command

import (
	"cmp"
	"io"
	"strings"

	"tenantry/app"
)

// program returns the program's name.
func (p Process) program() string { return cmp.Or(p.Options.Program, "tenantry") }

// prefix begins the environment variables that are settings of the program.
func (p Process) prefix() string {
	return strings.ToUpper(strings.ReplaceAll(p.program(), "-", "_")) + "_"
}

// settings returns the environment with the program's settings under the names that
// Config has for them. Settings of another program are left out.
func (p Process) settings() []string {
	if p.prefix() == app.EnvPrefix {
		return p.Environ
	}
	var environ []string
	for _, entry := range p.Environ {
		if rest, ok := strings.CutPrefix(entry, p.prefix()); ok {
			environ = append(environ, app.EnvPrefix+rest)
		} else if !strings.HasPrefix(entry, app.EnvPrefix) {
			environ = append(environ, entry)
		}
	}
	return environ
}

// rename returns a text for people with the names of the program and its settings in
// place of tenantry's.
func (p Process) rename(text string) string {
	return strings.NewReplacer(app.EnvPrefix, p.prefix(), "tenantry ", p.program()+" ", "tenantry:", p.program()+":").Replace(text)
}

// renamed is a writer of texts for people.
type renamed struct {
	io.Writer
	process Process
}

// Write writes the renamed text.
func (r renamed) Write(text []byte) (int, error) {
	if _, err := io.WriteString(r.Writer, r.process.rename(string(text))); err != nil {
		return 0, err
	}
	return len(text), nil
}
