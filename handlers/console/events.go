package console

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
)

const (
	// streamTick is the interval at which a stream checks for news.
	streamTick = 100 * time.Millisecond
	// streamLife limits the duration of a stream, to less than the server's limit
	// for replies. Browsers reconnect by themselves.
	streamLife = 90 * time.Second
	// streamPing is the interval of comments in a stream without news.
	streamPing = 10 * time.Second
)

// stream answers with server-sent events while the request's session is valid. It
// calls look at once and at every tick. look sends events and reports whether the
// stream is over; an event equal to the last one is not sent again.
func (s *Console) stream(c *gin.Context, look func(send func(name string, data any)) (over bool)) {
	c.Header("Content-Type", "text/event-stream")
	c.Header("X-Accel-Buffering", "no") // stops proxies from buffering events
	c.Status(http.StatusOK)
	write := func(text string) {
		_, _ = c.Writer.WriteString(text) // if the client is gone, the request's context ends
		c.Writer.Flush()
	}
	write(": open\n\n")
	last, pinged := "", time.Now()
	send := func(name string, data any) {
		body, err := json.Marshal(data)
		if err != nil {
			panic(err) // data has a type of this package, which can be marshalled
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
