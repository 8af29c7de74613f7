package console

import (
	"github.com/gin-gonic/gin"

	"tenantry/handlers/problem"
	"tenantry/tenants/traffic"
)

// charts are drawings of the requests of a period.
type charts struct {
	// Spans are the periods that they can show.
	Spans             []spanLink
	Requests, Latency chart
}

// spanLink leads to the page with charts of another period.
type spanLink struct {
	Label, Link string
	// Here means that the page has charts of this period.
	Here bool
}

// charts returns those of the requests of which traffic.Archive.Hour returns the hour, in the period that the query of the
// page at link names: by default the hour.
func (s *Console) charts(c *gin.Context, link, tenantID string, hour *traffic.Hour) (charts, error) {
	period, err := s.period(c, tenantID, hour)
	if err != nil {
		return charts{}, err
	}
	drawn := charts{Requests: requestsChart(period), Latency: latencyChart(period)}
	drawn.Spans = []spanLink{{Label: "hour", Link: link}, {Label: "day", Link: link + "?span=day"}, {Label: "four weeks", Link: link + "?span=weeks"}}
	for i := range drawn.Spans {
		drawn.Spans[i].Here = drawn.Spans[i].Label == drawn.Requests.Span
	}
	return drawn, nil
}

// period returns the period of the charts.
func (s *Console) period(c *gin.Context, tenantID string, hour *traffic.Hour) (traffic.Period, error) {
	switch span := c.Query("span"); span {
	case "", "hour":
		return hour.Period(), nil
	case "day":
		return s.o.Traffic.Day(c.Request.Context(), tenantID)
	case "weeks":
		return s.o.Traffic.Weeks(c.Request.Context(), tenantID)
	}
	return traffic.Period{}, problem.InvalidField("span", "must be one of: hour, day, weeks")
}
