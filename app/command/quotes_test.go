package command

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// codeBlock matches a block of code in a chapter: its language, the file that it names,
// and its text.
var codeBlock = regexp.MustCompile("(?ms)^[ \t]*```(go|sql|html)(?: file=(\\S+))?[^\n]*\n(.*?)^[ \t]*```$")

// TestManualQuotesTheExample: each block of code names a file of the example, and is,
// character for character, some lines of it.
func TestManualQuotesTheExample(t *testing.T) {
	t.Parallel()
	chapters, err := filepath.Glob("help/*.md")
	if err != nil {
		t.Fatal(err)
	}
	quoted := 0
	for _, chapter := range append(chapters, "../../README.md") {
		text, err := os.ReadFile(chapter)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range codeBlock.FindAllStringSubmatch(string(text), -1) {
			file, lines := filepath.Join(addressbook, block[2]), block[3]
			content, err := os.ReadFile(file)
			if err != nil {
				t.Errorf("%s has a block that names no file of the example: %v\n%s", chapter, err, lines)
			} else if !strings.Contains("\n"+string(content), "\n"+lines) {
				t.Errorf("%s quotes lines that are not in %s:\n%s", chapter, file, lines)
			}
			quoted++
		}
	}
	if quoted < 10 {
		t.Errorf("the manual quotes the example %d times", quoted)
	}
}
