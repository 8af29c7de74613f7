package web

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/gin-gonic/gin"
)

func requestWith(body io.Reader) *gin.Context {
	c, _ := gin.CreateTestContext(httptest.NewRecorder())
	c.Request = httptest.NewRequest(http.MethodPost, "/", body)
	return c
}

// TestBodiesShareAMemory fills the budget in several ways, and gives it back.
func TestBodiesShareAMemory(t *testing.T) {
	t.Parallel()
	budget := &bodies{limit: 10_000, share: 6_000}
	first, err := readBody(requestWith(strings.NewReader(strings.Repeat("a", 4000))), budget, "acme", 5000)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := readBody(requestWith(strings.NewReader(strings.Repeat("a", 4000))), budget, "acme", 5000); !errors.Is(err, ErrTooManyBodies) {
		t.Errorf("more than the tenant's share: %v", err)
	}
	second, err := readBody(requestWith(strings.NewReader(strings.Repeat("b", 4000))), budget, "globex", 5000)
	if err != nil {
		t.Errorf("another tenant's: %v", err)
	}
	if _, err := readBody(requestWith(strings.NewReader(strings.Repeat("c", 4000))), budget, "initech", 5000); !errors.Is(err, ErrTooManyBodies) {
		t.Errorf("more than all together: %v", err)
	}
	first.release()
	second.release()
	if budget.used != 0 || len(budget.owners) != 0 {
		t.Errorf("%d bytes are still taken, by %v", budget.used, budget.owners)
	}
}

// TestBodiesTakeWhatHasArrived, not what they announce; and give it back
// however they end.
func TestBodiesTakeWhatHasArrived(t *testing.T) {
	t.Parallel()
	budget := &bodies{limit: 1 << 20, share: 1 << 20}
	reader, writer := io.Pipe()
	c := requestWith(reader)
	c.Request.ContentLength = 900_000
	ended := make(chan error)
	go func() {
		_, err := readBody(c, budget, "acme", 1<<20)
		ended <- err
	}()
	_, _ = writer.Write([]byte("a"))
	budget.mu.Lock()
	used := budget.used
	budget.mu.Unlock()
	if used != firstBuffer {
		t.Errorf("one byte takes %d", used)
	}
	writer.CloseWithError(io.ErrUnexpectedEOF)
	if err := <-ended; !errors.Is(err, ErrBodyUnreadable) {
		t.Error(err)
	}
	if budget.used != 0 {
		t.Errorf("%d bytes are still taken", budget.used)
	}
}

// TestBodiesAreReadWhole, of every length about the steps of the buffer, in
// pieces of any size.
func TestBodiesAreReadWhole(t *testing.T) {
	t.Parallel()
	const limit = 5000
	budget := &bodies{limit: 1 << 20, share: 1 << 20}
	for size := range limit + 3 {
		want := bytes.Repeat([]byte("x"), size)
		for _, r := range []io.Reader{bytes.NewReader(want), iotest.DataErrReader(bytes.NewReader(want)), iotest.HalfReader(bytes.NewReader(want))} {
			c := requestWith(io.MultiReader(r)) // of unknown length
			body, err := readBody(c, budget, "", limit)
			if size > limit {
				if !errors.Is(err, ErrBodyTooLarge) {
					t.Fatalf("%d bytes: %v", size, err)
				}
				continue
			}
			got, _ := io.ReadAll(c.Request.Body)
			if err != nil || !bytes.Equal(got, want) {
				t.Fatalf("%d bytes: %d, %v", size, len(got), err)
			}
			body.release()
		}
	}
	if budget.used != 0 {
		t.Errorf("%d bytes are still taken", budget.used)
	}
}

func TestBodiesAtOnce(t *testing.T) {
	t.Parallel()
	budget := &bodies{limit: 40_000, share: 20_000}
	var all sync.WaitGroup
	for i := range 64 {
		all.Go(func() {
			body, err := readBody(requestWith(strings.NewReader(strings.Repeat("x", 100*i))), budget, []string{"acme", "globex"}[i%2], 10_000)
			if err == nil {
				body.release()
			} else if !errors.Is(err, ErrTooManyBodies) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if budget.used != 0 {
		t.Errorf("%d bytes are still taken", budget.used)
	}
}
