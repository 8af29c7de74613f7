package command

import (
	"fmt"
	"strings"

	"github.com/alecthomas/kong"
)

type completionCommand struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Help is shown with the flags.
func (completionCommand) Help() string {
	return `Prints a script with which the shell completes commands and flags.

Examples:

    source <(tenantry completion bash)
    source <(tenantry completion zsh)
    tenantry completion fish | source`
}

// script returns the script for a shell. The script runs the program to get
// candidates, so that they match the installed version.
func script(shell string) string {
	return map[string]string{
		"bash": `_tenantry() {
    local IFS=$'\n'
    COMPREPLY=($(tenantry complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _tenantry tenantry`,
		"zsh": `_tenantry() {
    local -a found
    found=("${(@f)$(tenantry complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    compadd -a found
}
compdef _tenantry tenantry`,
		"fish": `complete -c tenantry -f -a '(tenantry complete -- (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null)'`,
	}[shell]
}

// Run prints the script. It needs no settings and opens nothing.
func (s completionCommand) Run(c *Call) error {
	if c.out.json {
		return c.out.Document(map[string]string{"script": script(s.Shell)})
	}
	return c.out.Line("%s", script(s.Shell))
}

// completeCommand is run by the scripts.
type completeCommand struct {
	Words []string `arg:"" optional:"" passthrough:"" help:"The words after the program's name, the last of them incomplete."`
}

// Run prints the candidates for the last word, one per line.
func (w *completeCommand) Run(c *Call, model *kong.Application) error {
	words := w.Words
	if len(words) > 0 && words[0] == "--" {
		words = words[1:]
	}
	if len(words) == 0 {
		words = []string{""}
	}
	for _, candidate := range candidates(model.Node, words) {
		if err := c.out.Line("%s", candidate); err != nil {
			return fmt.Errorf("write candidates: %w", err)
		}
	}
	return nil
}

// candidates returns the commands and flags that begin with the last word, after
// the commands in the other words.
func candidates(node *kong.Node, words []string) (found []string) {
	last := words[len(words)-1]
	flags := append([]*kong.Flag{}, node.Flags...)
	for _, word := range words[:len(words)-1] {
		if child := childOf(node, word); child != nil {
			node, flags = child, append(flags, child.Flags...)
		}
	}
	if strings.HasPrefix(last, "-") {
		for _, flag := range flags {
			if name := "--" + flag.Name; !flag.Hidden && strings.HasPrefix(name, last) {
				found = append(found, name)
			}
		}
		return found
	}
	for _, child := range node.Children {
		if !child.Hidden && strings.HasPrefix(child.Name, last) {
			found = append(found, child.Name)
		}
	}
	return found
}

// childOf returns the node's command of that name, or nil.
func childOf(node *kong.Node, name string) *kong.Node {
	for _, child := range node.Children {
		if child.Name == name {
			return child
		}
	}
	return nil
}
