package console

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
)

const (
	// streamTick is how often a stream looks for news.
	streamTick = 100 * time.Millisecond
	// streamLife bounds a stream; browsers come back by themselves. It is less
	// than the server gives a reply.
	streamLife = 90 * time.Second
	// streamPing is how often a stream without news says that it is there.
	streamPing = 10 * time.Second
)

// stream answers with server-sent events, for as long as the request's session
// lasts. look is called at once and then every
// tick, sends what there is, and tells whether that was all. What was sent last
// is not sent again.
func (s *Console) stream(c *gin.Context, look func(send func(name string, data any)) (over bool)) {
	c.Header("Content-Type", "text/event-stream")
	c.Header("X-Accel-Buffering", "no") // proxies hold events back
	c.Status(http.StatusOK)
	write := func(text string) {
		_, _ = c.Writer.WriteString(text) // when nobody reads, the request's context ends
		c.Writer.Flush()
	}
	write(": open\n\n")
	last, pinged := "", time.Now()
	send := func(name string, data any) {
		body, err := json.Marshal(data)
		if err != nil {
			panic(err) // the program's own types
		}
		if event := fmt.Sprintf("event: %s\ndata: %s\n\n", name, body); event != last {
			write(event)
			last, pinged = event, time.Now()
		}
	}
	tick := time.NewTicker(streamTick)
	defer tick.Stop()
	end := time.After(streamLife)
	for !look(send) {
		if !s.lasts(c) {
			return
		}
		select {
		case <-c.Request.Context().Done():
			return
		case <-s.o.Serving.Done():
			return
		case <-end:
			return
		case <-tick.C:
		}
		if time.Since(pinged) > streamPing {
			write(": still here\n\n")
			pinged = time.Now()
		}
	}
	write("event: over\ndata: {}\n\n")
}
