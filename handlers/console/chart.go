package console

import (
	"fmt"
	"math"
	"strings"
	"time"

	"tenantry/handlers/traffic"
)

// The size of a chart's drawing, in its own units; it is shown as wide as there
// is room.
const (
	chartWidth  = 600
	chartHeight = 120
	barWidth    = chartWidth / traffic.Minutes
)

// chart is a drawing of an hour.
type chart struct {
	// Title and Summary tell what is drawn, also to who doesn't see it.
	Title, Summary string
	// Top is what the upper edge stands for.
	Top string
	// Empty says that there is nothing to draw.
	Empty bool
	// From, Middle and To are the times below it.
	From, Middle, To string
	Bars             []bar
	// Line is the path of a line, empty for bars alone.
	Line string
}

// bar is a minute of a chart.
type bar struct {
	X, Width int
	// Y and Height are of the bar, and of the part that stands for failures.
	Y, Height, FailedY, FailedHeight int
	Tip                              string
}

// Width and Height are the drawing's.
func (chart) Width() int  { return chartWidth }
func (chart) Height() int { return chartHeight }

func newChart(h traffic.Hour, title string) chart {
	clock := func(i int) string { return h.Minutes[i].At.Format("15:04") }
	return chart{Title: title, Empty: h.Requests == 0, From: clock(0), Middle: clock(traffic.Minutes / 2),
		To: clock(traffic.Minutes - 1)}
}

// requestsChart draws how many requests came and failed each minute.
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

// latencyChart draws how long all but the slowest twentieth took at most. Minutes
// without requests break the line.
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
				fmt.Fprintf(&line, "M%d %dh%d", i*barWidth+barWidth/2-2, y, 2) // a dot, where no other follows
			}
		}
		drawn = m.Requests > 0
		c.Bars = append(c.Bars, b)
	}
	c.Line = line.String()
	return c
}

// share is a part of the drawing's height; what is more than nothing is seen.
func share(n, of int64) int {
	if n <= 0 {
		return 0
	}
	return max(2, int(n*chartHeight/of))
}

// roundUp is a round number that is no less: a digit and zeros.
func roundUp(n int64) int64 {
	if n <= 1 {
		return 1
	}
	power := int64(math.Pow10(int(math.Floor(math.Log10(float64(n))))))
	return (n + power - 1) / power * power
}
