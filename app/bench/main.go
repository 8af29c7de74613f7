//go:build unix

// Command bench measures what a tenant's database of its own costs, and prints a table:
//
//	go run ./app/bench             all rows; making 10,000 tenants alone takes minutes
//	go run ./app/bench -quick      the served rows with few tenants, to see that it works
//	go run ./app/bench -json       one JSON document instead of the table
//
// main.go prints the table, served.go sends requests to the applications of apps.go, each in a
// process of its own, and packages.go runs benchmarks of the packages.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// row is a line of the table.
type row struct {
	Name     string  `json:"name"`
	Target   string  `json:"target"`
	Measured float64 `json:"measured"`
	// Low and High are the quartiles of the rounds. Both are zero if there was only one round.
	Low  float64 `json:"low,omitempty"`
	High float64 `json:"high,omitempty"`
}

// report is everything that is printed.
type report struct {
	Machine string    `json:"machine"`
	Cores   int       `json:"cores"`
	Go      string    `json:"go"`
	At      time.Time `json:"at"`
	Rows    []row     `json:"rows"`
}

func main() {
	quick := flag.Bool("quick", false, "measure less, in some seconds: shows that the benchmarks work")
	asJSON := flag.Bool("json", false, "print JSON instead of a table")
	kind := flag.String("serve", "", "used by bench itself: serve this application")
	count := flag.Int("tenants", 1, "used by bench itself: the application's number of tenants")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, *kind, *count, *quick, *asJSON)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, kind string, count int, quick, asJSON bool) error {
	if kind != "" {
		return serve(ctx, kind, count)
	}
	r := report{Machine: machine(), Cores: runtime.NumCPU(), Go: runtime.Version(), At: time.Now().UTC().Truncate(time.Second)}
	var err error
	if r.Rows, err = measureServed(ctx, quick); err != nil {
		return err
	}
	if !quick {
		var measured []row
		measured, err = measurePackages(ctx) // the rows that there are, and why others are missing
		r.Rows = append(r.Rows, measured...)
	}
	if asJSON {
		return errors.Join(err, json.NewEncoder(os.Stdout).Encode(r))
	}
	r.write(os.Stdout)
	return err
}

// write writes the report as a table in Markdown.
func (r report) write(w io.Writer) {
	fmt.Fprintf(w, "%s, %d cores, %s, %s\n\n", r.Machine, r.Cores, r.Go, r.At.Format(time.DateOnly))
	fmt.Fprint(w, "| | target | measured | quartiles |\n|---|---|---|---|\n")
	for _, row := range r.Rows {
		spread := ""
		if row.High > 0 {
			spread = fmt.Sprintf("%.2f–%.2f", row.Low, row.High)
		}
		fmt.Fprintf(w, "| %s | %s | %.4g | %s |\n", row.Name, row.Target, row.Measured, spread)
	}
}

// machine names the processor.
func machine() string {
	info, _ := os.ReadFile("/proc/cpuinfo") // Linux alone has it
	for line := range strings.Lines(string(info)) {
		if key, value, _ := strings.Cut(line, ":"); strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOOS + "/" + runtime.GOARCH
}
