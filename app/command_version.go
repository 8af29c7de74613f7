package app

import (
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

// Run shows the version. It needs no settings and opens nothing.
func (versionCommand) Run(c *command) error {
	d := readVersion()
	if c.out.json {
		return c.out.document(d)
	}
	revision := d.Revision
	if d.Modified {
		revision += ", modified"
	}
	return c.out.line("tenantry %s (%s) %s %s, SQLite through %s", d.Version, revision, d.Go, d.Platform, d.SQLite)
}

func readVersion() versionDocument {
	d := versionDocument{
		Version: "unknown", Revision: "unknown revision",
		Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH, SQLite: sqlite.DriverName,
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return d
	}
	d.Version = info.Main.Version
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
