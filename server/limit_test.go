package server

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"golang.org/x/time/rate"
)

func TestTooManyRequests(t *testing.T) {
	gin.SetMode(gin.TestMode)
	router := gin.New()
	reached := 0
	limited := faces{issuer: "http://issuer.example", oauthPrefix: "/oauth/"}.perAddress(rate.Every(time.Hour), 1)
	router.POST("/", limited, func(*gin.Context) { reached++ })
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
