package command

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"

	"tenantry/tenants/sqlite"
)

type versionCommand struct{}

// Help is shown with the flags.
func (versionCommand) Help() string {
	return `Examples:

    tenantry version
    tenantry version --json`
}

type versionDocument struct {
	Version  string `json:"version"`
	Revision string `json:"revision"`
	Time     string `json:"time"`
	Modified bool   `json:"modified"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
	SQLite   string `json:"sqlite"`
}

// Run prints the version. It needs no settings and opens nothing.
func (versionCommand) Run(c *Call) error {
	if c.out.json {
		return c.out.Document(thisVersion())
	}
	return c.out.Line("%s", versionText())
}

// thisVersion returns the version of this program.
func thisVersion() versionDocument {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{} // built without modules
	}
	return versionOf(info)
}

// versionText returns the line that describes this program.
func versionText() string {
	d := thisVersion()
	revision := cmp.Or(d.Revision, "revision unknown")
	if d.Modified {
		revision += ", modified"
	}
	return fmt.Sprintf("tenantry %s (%s), %s, %s, SQLite through %s", d.Version, revision, d.Go, d.Platform, d.SQLite)
}

// versionOf returns the version of a build. Its revision is empty if it was not
// built from a repository.
func versionOf(info *debug.BuildInfo) versionDocument {
	d := versionDocument{
		Version: cmp.Or(info.Main.Version, "(devel)"),
		Go:      runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH, SQLite: sqlite.DriverName,
	}
	for _, setting := range info.Settings {
		switch setting.Key {
		case "vcs.revision":
			d.Revision = setting.Value
		case "vcs.time":
			d.Time = setting.Value
		case "vcs.modified":
			d.Modified = setting.Value == "true"
		}
	}
	return d
}
