package web

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
)

// hold makes a held reply over a recorder.
func holdReply(t *testing.T, limit int) (*heldReply, *httptest.ResponseRecorder) {
	t.Helper()
	recorder := httptest.NewRecorder()
	c, _ := gin.CreateTestContext(recorder)
	return (&Middleware{}).hold(c.Writer, limit), recorder
}

func TestHeldReplySendsNothingBeforeRelease(t *testing.T) {
	t.Parallel()
	held, recorder := holdReply(t, 100)
	held.Header().Set("X-Test", "1")
	held.WriteHeader(http.StatusCreated)
	_, _ = held.Write([]byte("a"))
	_, _ = held.WriteString("b")
	held.WriteHeaderNow()
	held.Flush()
	if recorder.Flushed || recorder.Body.Len() != 0 || len(recorder.Header()) != 0 {
		t.Error("something was sent")
	}
	if held.Status() != http.StatusCreated || held.Size() != 2 || !held.Written() {
		t.Errorf("status %d, size %d, written %v", held.Status(), held.Size(), held.Written())
	}
	held.release()
	result := recorder.Result()
	if result.StatusCode != http.StatusCreated || recorder.Body.String() != "ab" ||
		result.Header.Get("X-Test") != "1" || result.Header.Get("Content-Length") != "2" {
		t.Errorf("sent %v %q", result, recorder.Body)
	}
}

func TestHeldReplyStatus(t *testing.T) {
	t.Parallel()
	held, recorder := holdReply(t, 100)
	if held.Status() != http.StatusOK || held.Size() != -1 || held.Written() {
		t.Error("does not begin as gin's writer does")
	}
	for _, code := range []int{0, -1, http.StatusProcessing} {
		held.WriteHeader(code)
	}
	if held.Status() != http.StatusOK {
		t.Errorf("status %d", held.Status())
	}
	held.WriteHeader(http.StatusNoContent)
	held.WriteHeaderNow()
	held.WriteHeader(http.StatusTeapot) // too late
	held.release()
	if recorder.Code != http.StatusNoContent || recorder.Header().Get("Content-Length") != "" {
		t.Errorf("sent %d %v", recorder.Code, recorder.Header())
	}
}

func TestHeldReplyBeginsWithTheRealStatusAndHeader(t *testing.T) {
	t.Parallel()
	recorder := httptest.NewRecorder()
	c, _ := gin.CreateTestContext(recorder)
	c.Writer.WriteHeader(http.StatusNotFound) // as gin does for unknown routes
	c.Header("X-Before", "1")
	held := (&Middleware{}).hold(c.Writer, 100)
	if held.Status() != http.StatusNotFound || held.Header().Get("X-Before") != "1" {
		t.Errorf("status %d, header %v", held.Status(), held.Header())
	}
	held.Header().Del("X-Before")
	held.release()
	c.Writer.WriteHeaderNow()
	if recorder.Code != http.StatusNotFound || recorder.Header().Get("X-Before") != "" {
		t.Errorf("sent %d %v", recorder.Code, recorder.Header())
	}
}

func TestHeldReplyIsBounded(t *testing.T) {
	t.Parallel()
	held, _ := holdReply(t, 10)
	if _, err := held.WriteString(strings.Repeat("x", 10)); err != nil {
		t.Error(err)
	}
	if _, err := held.Write([]byte("x")); !errors.Is(err, ErrReplyTooLarge) || !held.tooLarge {
		t.Errorf("got %v", err)
	}
	if held.body.Len() != 10 {
		t.Errorf("holds %d bytes", held.body.Len())
	}
}

func TestHeldReplyGivesTheConnectionToNobody(t *testing.T) {
	t.Parallel()
	held, _ := holdReply(t, 10)
	if _, _, err := held.Hijack(); err == nil {
		t.Error("hijacked")
	}
	if held.Pusher() != nil {
		t.Error("has a pusher")
	}
	controller := http.NewResponseController(held)
	if err := controller.Flush(); err != nil {
		t.Errorf("flush: %v", err)
	}
	if _, ok := any(held).(interface{ Unwrap() http.ResponseWriter }); ok {
		t.Error("http.ResponseController can reach the real writer")
	}
}

func TestReusedReplyHoldsNothingOfTheLast(t *testing.T) {
	t.Parallel()
	var m Middleware
	recorder := httptest.NewRecorder()
	c, _ := gin.CreateTestContext(recorder)
	for range 100 {
		held := m.hold(c.Writer, 100)
		if held.body.Len() != 0 || len(held.header) != 0 || held.written || held.tooLarge || held.status != http.StatusOK {
			t.Fatalf("not fresh: %+v", held)
		}
		held.Header().Set("X-Secret", "1")
		held.WriteHeader(http.StatusTeapot)
		_, _ = held.WriteString("secret")
		m.recycle(held)
	}
}
