package command

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/alecthomas/kong"
)

//go:embed help/*.md
var manual embed.FS

type helpCommand struct {
	Topic string `arg:"" optional:"" help:"Chapter of the manual to print; defaults to a list of all chapters."`
}

// Help is shown with the flags.
func (helpCommand) Help() string {
	return `Prints a chapter of the manual. For the usage of a command, see its own help, such as "tenantry tenant create --help".

Examples:

    tenantry help
    tenantry help tenants`
}

// topic is a chapter of the manual.
type topic struct {
	Topic string `json:"topic"`
	Title string `json:"title"`
	text  string
}

// topics returns the chapters in the order of their names.
func topics() ([]topic, error) {
	names, err := fs.Glob(manual, "help/*.md")
	if err != nil {
		return nil, err
	}
	var all []topic
	for _, name := range names {
		text, err := manual.ReadFile(name)
		if err != nil {
			return nil, err
		}
		title, _, _ := strings.Cut(strings.TrimPrefix(string(text), "# "), "\n")
		all = append(all, topic{strings.TrimSuffix(path.Base(name), ".md"), title, string(text)})
	}
	return all, nil
}

// Run prints the chapter. It needs no settings and opens nothing.
func (h *helpCommand) Run(c *Call) error {
	all, err := topics()
	if err != nil {
		return err
	}
	if h.Topic == "" {
		return writeTopics(c.out, all)
	}
	var names []string
	for _, t := range all {
		if t.Topic == h.Topic && c.out.json {
			return c.out.Document(map[string]string{"topic": t.Topic, "title": t.Title, "text": t.text})
		}
		if t.Topic == h.Topic {
			return c.out.Line("%s", strings.TrimSpace(t.text))
		}
		names = append(names, t.Topic)
	}
	return fmt.Errorf("%w: there is no chapter %q; the chapters are %s", errUsage, h.Topic, strings.Join(names, ", "))
}

func writeTopics(out *Output, all []topic) error {
	if out.json {
		return out.Document(map[string][]topic{"items": all})
	}
	var rows [][]string
	for _, t := range all {
		rows = append(rows, []string{t.Topic, t.Title})
	}
	if err := out.Rows([]string{"TOPIC", "CHAPTER"}, rows); err != nil {
		return err
	}
	out.Hint("read one with: tenantry help TOPIC; see all commands with: tenantry --help")
	return nil
}

// printHelp prints how to use a command. All commands take settings, but only the
// help of the program and of serve lists them.
func printHelp(o kong.HelpOptions, run *kong.Context) error {
	selected := run.Selected()
	if selected == nil || selected.Name == "serve" {
		return kong.DefaultHelpPrinter(o, run)
	}
	for _, flag := range run.Model.Flags {
		flag.Hidden = flag.Hidden || isSetting(flag)
	}
	if err := kong.DefaultHelpPrinter(o, run); err != nil {
		return err
	}
	_, err := fmt.Fprintln(run.Stdout, "\nSettings such as --data-dir are flags of every command: see tenantry --help.")
	return err
}
