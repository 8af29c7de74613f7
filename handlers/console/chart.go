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
	barWidth    = chartWidth / traffic.Minutes
)

// chart is a drawing of the last hour.
type chart struct {
	// Title and Summary describe the drawing, also for screen readers.
	Title, Summary string
	// Top is the value at the upper edge.
	Top string
	// Empty means that there is nothing to draw.
	Empty bool
	// From, Middle and To are the times below the drawing.
	From, Middle, To string
	Bars             []bar
	// Line is the path of a line. It is empty in a chart that has only bars.
	Line string
}

// bar is one minute of a chart.
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

func newChart(h traffic.Hour, title string) chart {
	clock := func(i int) string { return h.Minutes[i].At.Format("15:04") }
	return chart{Title: title, Empty: h.Requests == 0, From: clock(0), Middle: clock(traffic.Minutes / 2),
		To: clock(traffic.Minutes - 1)}
}

// requestsChart draws the number of requests and failures in each minute.
func requestsChart(h traffic.Hour) chart {
	c := newChart(h, "Requests a minute")
	var most int64
	for _, m := range h.Minutes {
		most = max(most, m.Requests)
	}
	top := roundUp(most)
	c.Top = number(top)
	c.Summary = fmt.Sprintf("%s requests in the last hour, at most %s in a minute; %s failed", number(h.Requests),
		number(most), number(h.Failed))
	for i, m := range h.Minutes {
		b := bar{X: i * barWidth, Width: barWidth - 2, Height: share(m.Requests, top),
			FailedHeight: share(m.Failed, top)}
		b.Y, b.FailedY = chartHeight-b.Height, chartHeight-b.FailedHeight
		b.Tip = fmt.Sprintf("%s: %s requests, %s failed", m.At.Format("15:04"), number(m.Requests), number(m.Failed))
		c.Bars = append(c.Bars, b)
	}
	return c
}

// latencyChart draws the 95th percentile of each minute's durations. Minutes
// without requests interrupt the line.
func latencyChart(h traffic.Hour) chart {
	c := newChart(h, "p95 latency")
	var most time.Duration
	for _, m := range h.Minutes {
		most = max(most, m.P95)
	}
	top := roundUp((most.Microseconds() + 999) / 1000) // ms
	c.Top = took(time.Duration(top) * time.Millisecond)
	c.Summary = fmt.Sprintf("p95 latency of the last hour: %s, of the slowest minute: %s",
		took(h.P95), took(most))
	var line strings.Builder
	drawn := false
	for i, m := range h.Minutes {
		b := bar{X: i * barWidth, Width: barWidth, Tip: fmt.Sprintf("%s: %s", m.At.Format("15:04"), took(m.P95))}
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
