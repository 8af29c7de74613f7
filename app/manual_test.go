package app

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestManualListsTheSettings: the table in the manual has a row for each setting
// that has a flag, in the order of --help, with its default.
func TestManualListsTheSettings(t *testing.T) {
	t.Parallel()
	chapter, err := os.ReadFile("command/help/settings.md")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, row := range regexp.MustCompile("(?m)^\\| `--([a-z-]+)` `([A-Z_]+)` \\| ([^|]*) \\|").FindAllStringSubmatch(string(chapter), -1) {
		got = append(got, strings.Join(row[1:], " "))
	}
	var want []string
	for _, field := range reflect.VisibleFields(reflect.TypeFor[Config]()) {
		if field.Tag.Get("help") == "" {
			continue
		}
		flag := field.Tag.Get("name")
		if flag == "" {
			flag = strings.ToLower(regexp.MustCompile("([a-z])([A-Z])").ReplaceAllString(field.Name, "$1-$2"))
		}
		row := flag + " " + EnvName(flag) + " "
		if value := field.Tag.Get("default"); value != "" {
			want = append(want, row+"`"+value+"`")
			continue
		}
		// What stands in the place of a default is told in words.
		if i := slices.IndexFunc(got, func(s string) bool { return strings.HasPrefix(s, row) }); i >= 0 {
			row = got[i]
		}
		want = append(want, row)
	}
	if len(want) < 10 || !slices.Equal(got, want) {
		t.Errorf("the manual lists the settings\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
