package server

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
)

func TestLimiter(t *testing.T) {
	noon := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	limiter := newLimiter(limit{every: 6 * time.Second, burst: 3})
	for _, step := range []struct {
		address string
		after   time.Duration
		wait    time.Duration
	}{
		{"192.0.2.1", 0, 0},
		{"192.0.2.1", 0, 0},
		{"192.0.2.1", 0, 0},
		{"192.0.2.1", 0, 6 * time.Second},
		{"192.0.2.1", 0, 6 * time.Second}, // Who is refused has used up nothing.
		{"::ffff:192.0.2.1", 2 * time.Second, 4 * time.Second},
		{"192.0.2.2", 2 * time.Second, 0},
		{"192.0.2.1", 6 * time.Second, 0},
		{"192.0.2.1", 6 * time.Second, 6 * time.Second},
		{"2001:db8::1", 0, 0}, // Of IPv6, a network is one.
		{"2001:db8::2", 0, 0},
		{"2001:db8::ffff:0:0:1", 0, 0},
		{"2001:db8::3", 0, 6 * time.Second},
		{"2001:db8:0:1::1", 0, 0},
		{"", 0, 0},
		{"nonsense", 0, 0},
	} {
		if got := limiter.wait(step.address, noon.Add(step.after)); got != step.wait {
			t.Errorf("%s after %s waits %s, want %s", step.address, step.after, got, step.wait)
		}
	}
	for i := range 2 * maxAddresses {
		limiter.wait(fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255), noon)
	}
	if n := limiter.addresses.Len(); n != maxAddresses {
		t.Errorf("%d addresses are remembered", n)
	}
}

func TestTooManyRequests(t *testing.T) {
	gin.SetMode(gin.TestMode)
	router := gin.New()
	reached := 0
	server := &Server{config: Config{Issuer: "http://issuer.example"}}
	router.POST("/", server.perAddress(limit{every: time.Hour, burst: 1}), func(*gin.Context) { reached++ })
	for i, want := range []int{http.StatusOK, http.StatusTooManyRequests} {
		answer := httptest.NewRecorder()
		router.ServeHTTP(answer, httptest.NewRequest(http.MethodPost, "/", nil))
		if answer.Code != want {
			t.Errorf("request %d answered %d, want %d", i, answer.Code, want)
		}
		if retry := answer.Header().Get("Retry-After"); want == http.StatusTooManyRequests && retry != "3600" && retry != "3599" {
			t.Errorf("Retry-After is %q", retry)
		}
	}
	if reached != 1 {
		t.Errorf("the handler was reached %d times", reached)
	}
}
