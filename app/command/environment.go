package command

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"tenantry/app"

	"github.com/alecthomas/kong"
)

const (
	// envPrefix is the prefix of environment variables that are settings.
	envPrefix = app.EnvPrefix
	// testPrefix is the prefix of those that tests read.
	testPrefix = envPrefix + "TEST_"
	// settingsGroup holds the flags that are settings.
	settingsGroup = "settings"
)

func isSetting(flag *kong.Flag) bool {
	return flag.Group != nil && flag.Group.Key == settingsGroup
}

// environment resolves settings that are not on the command line.
func environment(environ []string) kong.ResolverFunc {
	values := map[string]string{}
	for _, entry := range environ {
		if name, value, _ := strings.Cut(entry, "="); strings.HasPrefix(name, envPrefix) {
			values[name] = value
		}
	}
	return func(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
		if value := values[app.EnvName(flag.Name)]; value != "" && isSetting(flag) {
			return value, nil
		}
		return nil, nil
	}
}

// describe returns the help of a flag. For a setting it includes the environment
// variable and the default.
func describe(value *kong.Value) string {
	if value.Flag == nil || !isSetting(value.Flag) {
		return value.Help
	}
	if value.Default == "" {
		return fmt.Sprintf("%s [$%s]", value.Help, app.EnvName(value.Name))
	}
	return fmt.Sprintf("%s [$%s, %s]", value.Help, app.EnvName(value.Name), value.Default)
}

// decodeFile returns a file's name byte by byte. Kong's own mapper replaces invalid
// UTF-8, which would name another file.
func decodeFile(ctx *kong.DecodeContext, target reflect.Value) error {
	token, err := ctx.Scan.PopValue("file")
	if err != nil {
		return err
	}
	target.SetString(token.String())
	return nil
}

// warnUnknown reports environment variables that look like settings but are
// not: a misspelt one would be ignored silently. It does not show values.
func warnUnknown(p Process, model *kong.Node) {
	known := []string{serverURL}
	for _, flag := range model.Flags {
		if isSetting(flag) {
			known = append(known, app.EnvName(flag.Name))
		}
	}
	for _, secret := range app.SecretSettings() {
		known = append(known, app.EnvName(secret))
	}
	for _, entry := range p.Environ {
		name, _, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, envPrefix) || strings.HasPrefix(name, testPrefix) {
			continue
		}
		if best, distance := nearest(name, known); distance > 0 {
			fmt.Fprint(p.Stderr, p.rename(fmt.Sprintf("tenantry: warning: %s is not a setting; did you mean %s?\n", name, best)))
		}
	}
}

// nearest returns the candidate with the smallest edit distance to name.
func nearest(name string, candidates []string) (best string, distance int) {
	distance = -1
	for _, candidate := range candidates {
		if d := editDistance(name, candidate); distance < 0 || d < distance {
			best, distance = candidate, d
		}
	}
	return best, distance
}

// editDistance returns the Levenshtein distance, in bytes.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}

// secretArgument returns an error if a secret is among the arguments, which expose
// it. The error says where to put the secret instead.
func secretArgument(args []string) error {
	for _, arg := range args {
		flag, _, _ := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		if slices.Contains(app.SecretSettings(), flag) && strings.HasPrefix(arg, "--") {
			return &app.SettingError{Flag: flag, Value: "is among the arguments", Want: "it in the environment, since others can read arguments"}
		}
	}
	return nil
}
