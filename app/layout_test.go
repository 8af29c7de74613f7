package app_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// goPackage is the output of go list for a package.
type goPackage struct {
	ImportPath string
	Dir        string
	GoFiles    []string
	Imports    []string
}

// listPackages lists the module's packages.
func listPackages(t *testing.T) []goPackage {
	t.Helper()
	command := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Dir,GoFiles,Imports", "tenantry/...")
	var complaint bytes.Buffer
	command.Stderr = &complaint
	out, err := command.Output()
	if err != nil {
		t.Fatalf("go list: %v: %s", err, complaint.String())
	}
	var packages []goPackage
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		err := decoder.Decode(&p)
		if errors.Is(err, io.EOF) {
			return packages
		}
		if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
}

// within reports whether an import path is one of roots or below one.
// The module's root stands for main alone.
func within(importPath string, roots ...string) bool {
	return slices.ContainsFunc(roots, func(root string) bool {
		return importPath == root || root != "tenantry" && strings.HasPrefix(importPath, root+"/")
	})
}

// TestWhoImportsWhom holds the layout: main → app/command → app → {handlers, seed} → {models,
// tenants}, an engine that knows none of those above it, and each driver and Gin
// known in one place, beside the fixtures of tests.
func TestWhoImportsWhom(t *testing.T) {
	t.Parallel()
	const (
		command                              = "tenantry/app/command"
		app, handlers, seed, tenants, models = "tenantry/app", "tenantry/handlers", "tenantry/seed", "tenantry/tenants", "tenantry/models"
		sqlite, postgres, fixtures, web      = "tenantry/tenants/sqlite", "tenantry/tenants/postgres", "tenantry/tenants/tenantstest", "tenantry/tenants/web"
	)
	rules := []struct {
		imported []string
		by       []string // only these, and what is below them, may import it
	}{
		{[]string{command}, []string{"tenantry"}},
		{[]string{app}, []string{command, "tenantry"}},
		{[]string{handlers, seed}, []string{app, handlers, seed}},
		{[]string{models}, []string{app, handlers, seed}},
		{[]string{tenants}, []string{app, handlers, seed, models, tenants}},
		{[]string{web}, []string{app, handlers}},
		{[]string{sqlite}, []string{app, sqlite, fixtures, tenants + "/backup"}},
		{[]string{postgres}, []string{app, postgres, fixtures}},
		{[]string{fixtures}, []string{fixtures, app + "/apptest"}}, // and tests
		{[]string{"github.com/gin-gonic/gin"}, []string{app, handlers, web}},
		{[]string{"github.com/mattn/go-sqlite3", "modernc.org/sqlite", "gorm.io/driver/sqlite"}, []string{sqlite, fixtures}},
		{[]string{"github.com/jackc/pgx/v5", "gorm.io/driver/postgres"}, []string{postgres, fixtures}},
		{[]string{"go.opentelemetry.io"}, []string{app + "/tracing"}},
		{[]string{"github.com/pressly/goose/v3"}, []string{tenants + "/migrate", fixtures}},
		{[]string{"github.com/superfly/ltx"}, []string{tenants + "/backup"}},
		{[]string{"github.com/alecthomas/kong"}, []string{command}},
		{[]string{"github.com/prometheus/client_golang"}, []string{app}},
	}
	floors := []string{app, handlers + "/pages", handlers, handlers + "/account", handlers + "/request", handlers + "/problem"}
	for _, p := range listPackages(t) {
		for _, imported := range p.Imports {
			for _, rule := range rules {
				if within(imported, rule.imported...) && !within(p.ImportPath, rule.imported...) && !within(p.ImportPath, rule.by...) {
					t.Errorf("%s imports %s, which is for %v", p.ImportPath, imported, rule.by)
				}
			}
			if i, j := slices.Index(floors, p.ImportPath), slices.Index(floors, imported); i >= 0 && j >= 0 && j < i {
				t.Errorf("%s imports %s, which is above it", p.ImportPath, imported)
			}
			if p.ImportPath == command && within(imported, handlers, "net/http", "github.com/gin-gonic/gin") {
				t.Errorf("commands import %s: what both need is in tenants", imported)
			}
			if p.ImportPath == models && strings.Contains(imported, ".") && !within(imported, "gorm.io/gorm", tenants) {
				t.Errorf("models imports %s: it knows GORM alone", imported)
			}
		}
	}
}

// TestTopLevel: a reader who knows the layout guesses the file.
func TestTopLevel(t *testing.T) {
	t.Parallel()
	known := []string{"app", "go.mod", "go.sum", "handlers", "main.go", "models", "README.md", "seed", "tenants"}
	out, err := exec.CommandContext(t.Context(), "git", "-C", "..", "ls-files").Output()
	if err != nil {
		t.Skipf("not a git checkout: %v", err)
	}
	for name := range strings.Lines(string(out)) {
		top, _, _ := strings.Cut(strings.TrimSpace(name), "/")
		if !strings.HasPrefix(top, ".") && !slices.Contains(known, top) {
			t.Errorf("%s stands at the top level", top)
		}
	}
}

// TestPackageCommentsNameFiles: the files that a package's comment speaks of are there.
func TestPackageCommentsNameFiles(t *testing.T) {
	t.Parallel()
	name := regexp.MustCompile(`\b[a-z_]+\.go\b`)
	listed := 0
	for _, p := range listPackages(t) {
		for _, file := range p.GoFiles {
			parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, file), nil, parser.PackageClauseOnly|parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			for _, named := range name.FindAllString(parsed.Doc.Text(), -1) {
				listed++
				if _, err := os.Stat(filepath.Join(p.Dir, named)); err != nil {
					t.Errorf("the comment of package %s names %s, which isn't there", p.ImportPath, named)
				}
			}
		}
	}
	if listed == 0 {
		t.Error("no package comment names a file")
	}
}
