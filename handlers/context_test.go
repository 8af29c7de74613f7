package handlers_test

import (
	"net/http/httptest"
	"testing"

	"github.com/gin-gonic/gin"

	"tenantry/handlers"
)

func TestRequestID(t *testing.T) {
	t.Parallel()
	c, _ := gin.CreateTestContext(httptest.NewRecorder())
	if got := handlers.RequestID(c); got != "" {
		t.Errorf("request id %q before there is one", got)
	}
	handlers.SetRequestID(c, "req-7")
	if got := handlers.RequestID(c); got != "req-7" {
		t.Errorf("request id %q", got)
	}
}
