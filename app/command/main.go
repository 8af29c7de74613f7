// Package command is the command line of app, with one command per file.
//
//	main.go        parses the arguments, runs the command, and reports its error
//	commands.go    all commands
//	call.go        what a command runs with
//	output.go      writes results; stdin.go reads input
//	environment.go settings from the environment; program.go their names in another program
//	log.go         the process's log
//	help           the manual
package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"tenantry/app"
	"tenantry/tenants"
)

// Process has what a process gets from the system and from its application.
type Process struct {
	// Args are the arguments after the program's name.
	Args []string
	// Environ is the environment as KEY=VALUE.
	Environ []string
	Stdin   io.Reader
	Stdout  io.Writer
	Stderr  io.Writer

	// Options are the application's. Main sets their Log.
	Options app.Options
	// Commands are the application's own commands: pointers to structs whose fields
	// are commands, as in kong.Plugins. Each command has a method Run(*Call) error.
	Commands []any
}

// Exit statuses.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// Main runs the command in p's arguments until it is done or ctx ends. It returns
// the exit status: 0 done, 1 failed, 2 wrong usage or a bad setting. It makes the
// process ignore SIGPIPE, which would end the process together with the reader of
// its log.
func Main(ctx context.Context, p Process) int {
	signal.Ignore(syscall.SIGPIPE)
	p.Environ = p.settings()
	line := commandLine{Plugins: p.Commands}
	run, err := line.parse(p)
	if err == nil && run == nil {
		return exitDone // help was requested and printed
	}
	if err == nil {
		warnUnknown(p, run.Model.Node)
		err = run.Run(run.Model, &Call{ctx: ctx, name: strings.Join(commandOf(run), " "), process: p, config: line.Config, out: newOutput(p, line.JSON, line.NoHeader)})
	}
	if err == nil {
		return exitDone
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		err = fmt.Errorf("interrupted: %w", err)
	}
	report(p, line.JSON || slices.Contains(p.Args, "--json"), err)
	return status(err)
}

// parse parses the command line. It returns nil if help was requested.
func (l *commandLine) parse(p Process) (*kong.Context, error) {
	var helped bool
	parser, err := kong.New(l,
		kong.Name(p.program()),
		kong.Description(description),
		kong.Vars{"version": versionText()},
		kong.Help(printHelp),
		kong.Writers(renamed{untilClosed{p.Stdout}, p}, renamed{untilClosed{p.Stderr}, p}),
		kong.Exit(func(int) { helped = true }),
		kong.Resolvers(environment(p.Environ)),
		kong.NamedMapper("file", kong.MapperFunc(decodeFile)),
		kong.ExplicitGroups([]kong.Group{{Key: settingsGroup, Title: "Settings:"}}),
		kong.ValueFormatter(describe),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
	)
	if err != nil {
		return nil, fmt.Errorf("command line: %w", err)
	}
	if err := secretArgument(p.Args); err != nil {
		return nil, err
	}
	run, err := parser.Parse(p.Args)
	if helped {
		return nil, nil
	}
	l.Secrets = app.SecretsFrom(p.Environ)
	return run, err
}

// report writes an error to standard error: as text, or as one line of JSON.
func report(p Process, asJSON bool, err error) {
	text := err.Error()
	var setting *app.SettingError
	var usage *kong.ParseError
	switch {
	case errors.As(err, &setting) && errors.As(err, &usage):
		text = setting.Error() // without kong's prefix, which repeats the flag
	case errors.As(err, &usage):
		hint := strings.Join(append([]string{"tenantry"}, commandOf(usage.Context)...), " ")
		text = redactAll(text) + "; see " + hint + " --help"
	}
	text = p.rename(text)
	if !asJSON {
		fmt.Fprintf(p.Stderr, "%s: %s\n", p.program(), strings.ReplaceAll(text, "\n", "\n"+p.program()+": "))
		return
	}
	_ = json.NewEncoder(p.Stderr).Encode(map[string]string{"error": text}) // there is no other place to report this error
}

// commandOf returns the path of the command that was selected before parsing
// failed.
func commandOf(run *kong.Context) []string {
	var names []string
	if run == nil {
		return nil
	}
	for _, step := range run.Path {
		if step.Command != nil {
			names = append(names, step.Command.Name)
		}
	}
	return names
}

// status returns the exit status for an error.
func status(err error) int {
	var setting *app.SettingError
	var usage *kong.ParseError
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &setting), errors.As(err, &usage), errors.Is(err, tenants.ErrInvalidSubdomain), errors.Is(err, errUsage):
		return exitUsage
	}
	return exitFailed
}

// errUsage is wrapped by errors about wrong usage of a command.
var errUsage = errors.New("wrong usage")

// redactAll removes everything from a message that may be a password. Such messages
// quote arguments.
func redactAll(text string) string {
	for _, part := range []string{"@", "://", "sqlite:", "password="} {
		if strings.Contains(strings.ToLower(text), part) {
			return "wrong arguments (not shown: they may hold a password)"
		}
	}
	return text
}
