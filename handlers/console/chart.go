package console

import (
	"fmt"
	"math"
	"strings"
	"time"

	"tenantry/tenants/traffic"
)

// The size of a chart in its own units. On the page it is as wide as its container.
const (
	chartWidth  = 600
	chartHeight = 120
)

// chart is a drawing of the requests of a period.
type chart struct {
	// Title and Summary describe the drawing, also for screen readers.
	Title, Summary string
	// Top is the value at the upper edge.
	Top string
	// Empty means that there is nothing to draw.
	Empty bool
	// Span names the period, as in "the last hour".
	Span string
	// From, Middle and To are the times below the drawing.
	From, Middle, To string
	Bars             []bar
	// Line is the path of a line. It is empty in a chart that has only bars.
	Line string
}

// bar is one part of a chart.
type bar struct {
	X, Width int
	// Y and Height are those of the whole bar, FailedY and FailedHeight those of
	// its failures.
	Y, Height, FailedY, FailedHeight int
	Tip                              string
}

// Width and Height return the size of the drawing.
func (chart) Width() int  { return chartWidth }
func (chart) Height() int { return chartHeight }

func newChart(p traffic.Period, title string) chart {
	at := func(i int) string { return beginOf(p, i) }
	last := len(p.Parts) - 1
	return chart{Title: title, Empty: p.Requests == 0, Span: spanOf(p), From: at(0), Middle: at((last + 1) / 2), To: at(last)}
}

// beginOf formats the beginning of a part.
func beginOf(p traffic.Period, i int) string {
	if p.Step >= 24*time.Hour {
		return p.Parts[i].At.Format("2 Jan")
	}
	return p.Parts[i].At.Format("15:04")
}

// spanOf names the period, and partOf its parts.
func spanOf(p traffic.Period) string {
	switch {
	case p.Step < time.Hour:
		return "hour"
	case p.Step < 24*time.Hour:
		return "day"
	}
	return "four weeks"
}

func partOf(p traffic.Period) string {
	switch {
	case p.Step < time.Hour:
		return "a minute"
	case p.Step < 24*time.Hour:
		return "an hour"
	}
	return "a day"
}

// requestsChart draws the number of requests and failures in each part of a period.
func requestsChart(p traffic.Period) chart {
	c, barWidth := newChart(p, "Requests "+partOf(p)), chartWidth/len(p.Parts)
	var most int64
	for _, m := range p.Parts {
		most = max(most, m.Requests)
	}
	top := roundUp(most)
	c.Top = number(top)
	c.Summary = fmt.Sprintf("%s requests in the last %s, at most %s in %s; %s failed", number(p.Requests),
		spanOf(p), number(most), partOf(p), number(p.Failed))
	for i, m := range p.Parts {
		b := bar{X: i * barWidth, Width: barWidth - 2, Height: share(m.Requests, top),
			FailedHeight: share(m.Failed, top)}
		b.Y, b.FailedY = chartHeight-b.Height, chartHeight-b.FailedHeight
		b.Tip = fmt.Sprintf("%s: %s requests, %s failed", beginOf(p, i), number(m.Requests), number(m.Failed))
		c.Bars = append(c.Bars, b)
	}
	return c
}

// latencyChart draws the 95th percentile of the durations in each part of a period.
// Parts without requests interrupt the line.
func latencyChart(p traffic.Period) chart {
	c, barWidth := newChart(p, "p95 latency"), chartWidth/len(p.Parts)
	var most time.Duration
	for _, m := range p.Parts {
		most = max(most, m.P95)
	}
	top := roundUp((most.Microseconds() + 999) / 1000) // ms
	c.Top = took(time.Duration(top) * time.Millisecond)
	c.Summary = fmt.Sprintf("p95 latency of the last %s: %s, of the slowest part: %s", spanOf(p), took(p.P95), took(most))
	var line strings.Builder
	drawn := false
	for i, m := range p.Parts {
		b := bar{X: i * barWidth, Width: barWidth, Tip: fmt.Sprintf("%s: %s", beginOf(p, i), took(m.P95))}
		if m.Requests > 0 {
			y := chartHeight - 1 - share(m.P95.Microseconds(), top*1000)*(chartHeight-2)/chartHeight
			if drawn {
				fmt.Fprintf(&line, "L%d %d", i*barWidth+barWidth/2, y)
			} else {
				fmt.Fprintf(&line, "M%d %dh%d", i*barWidth+barWidth/2-2, y, 2) // a dot, if the next minute has no requests
			}
		}
		drawn = m.Requests > 0
		c.Bars = append(c.Bars, b)
	}
	c.Line = line.String()
	return c
}

// share returns n's share of the drawing's height, at least one unit if n isn't 0.
func share(n, of int64) int {
	if n <= 0 {
		return 0
	}
	return max(2, int(n*chartHeight/of))
}

// roundUp returns the next number that is one digit followed by zeros.
func roundUp(n int64) int64 {
	if n <= 1 {
		return 1
	}
	power := int64(math.Pow10(int(math.Floor(math.Log10(float64(n))))))
	return (n + power - 1) / power * power
}
