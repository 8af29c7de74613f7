package migrate

import (
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/pressly/goose/v3"
)

// Versions are the schema versions that a build knows, and what its migrations declare about them in comments:
//
//	-- serves from: 4        the code of this build also serves databases at version 4 and later
//	-- older code from: 3    the code of builds whose last migration is 3 or later serves databases after this one
//
// A migration without such a line declares its own version: nothing older.
type Versions struct {
	// Newest is the version of the last migration. It also names the build.
	Newest int64
	// From is the oldest version at which the build serves a database. The last migration declares it.
	From int64
	// OlderCode maps each version to the oldest build whose code can serve a database at that version. Each
	// migration has to leave alone what an older build needs, so that the strictest declaration of all migrations up to
	// the version counts.
	OlderCode map[int64]int64
}

// Agrees returns an error if the migrations of another dialect declare something else. Versions that only one of the
// dialects has don't matter.
func (v Versions) Agrees(other Versions) error {
	if v.Newest == other.Newest && v.From != other.From {
		return fmt.Errorf("%q of migration %d differs: %d and %d", servesFrom, v.Newest, v.From, other.From)
	}
	for version, oldest := range v.OlderCode {
		if others, ok := other.OlderCode[version]; ok && others != oldest {
			return fmt.Errorf("%q of migration %d differs: %d and %d", olderCode, version, oldest, others)
		}
	}
	return nil
}

// ReadVersions reads what the migrations in fsys declare. It fails as Latest does, and if a declaration is not a
// version from 1 to the migration's own, or is there twice.
func ReadVersions(fsys fs.FS) (Versions, error) {
	v := Versions{OlderCode: map[int64]int64{}}
	var err error
	if v.Newest, err = Latest(fsys); err != nil {
		return v, err
	}
	names, err := files(fsys)
	if err != nil {
		return v, err
	}
	byVersion := map[int64]string{}
	for _, name := range names {
		version, err := goose.NumericComponent(name)
		if err != nil {
			return v, fmt.Errorf("version of migration %q: %w", name, err)
		}
		byVersion[version] = name
	}
	oldest := int64(1)
	for _, version := range slices.Sorted(maps.Keys(byVersion)) {
		declared, err := readDeclared(fsys, byVersion[version], version)
		if err != nil {
			return v, err
		}
		oldest = max(oldest, declared[olderCode])
		v.From, v.OlderCode[version] = declared[servesFrom], oldest
	}
	return v, nil
}

// The names of declarations.
const (
	servesFrom = "serves from"
	olderCode  = "older code from"
)

var declaration = regexp.MustCompile(`(?mi)^[ \t]*--[ \t]*(` + servesFrom + `|` + olderCode + `)[ \t]*:[ \t]*(.*?)[ \t\r]*$`)

// readDeclared returns what a migration declares, by the name of the declaration.
func readDeclared(fsys fs.FS, name string, version int64) (map[string]int64, error) {
	content, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, fmt.Errorf("read migration: %w", err)
	}
	declared := map[string]int64{}
	for _, line := range declaration.FindAllSubmatch(content, -1) {
		what, value := strings.ToLower(string(line[1])), string(line[2])
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil || n < 1 || n > version {
			return nil, fmt.Errorf("migration %s: %q is declared to be %q: want a version from 1 to %d", name, what, value, version)
		}
		if _, twice := declared[what]; twice {
			return nil, fmt.Errorf("migration %s: %q is declared twice", name, what)
		}
		declared[what] = n
	}
	for _, what := range []string{servesFrom, olderCode} {
		if declared[what] == 0 {
			declared[what] = version
		}
	}
	return declared, nil
}
