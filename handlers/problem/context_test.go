package problem_test

import (
	"net/http/httptest"
	"testing"

	"tenantry/handlers/problem"

	"github.com/gin-gonic/gin"
)

func TestRequestID(t *testing.T) {
	t.Parallel()
	c, _ := gin.CreateTestContext(httptest.NewRecorder())
	if got := problem.RequestID(c); got != "" {
		t.Errorf("request id %q before there is one", got)
	}
	problem.SetRequestID(c, "req-7")
	if got := problem.RequestID(c); got != "req-7" {
		t.Errorf("request id %q", got)
	}
}
