package server

import (
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/latchkey-auth/latchkey/oauth"
)

func TestMetrics(t *testing.T) {
	rig := newRig(t, nil, func(engine *gin.Engine) {
		engine.POST("/auth/oauth/token", func(c *gin.Context) {
			if c.Query("refuse") != "" {
				c.Set(errorCodeKey, "invalid_client")
				c.Status(http.StatusUnauthorized)
			}
		})
	})
	rig.config.Metrics.WatchLedger(oauth.NewLedger())
	rig.ask("POST", "/auth/oauth/token", nil)
	rig.ask("POST", "/auth/oauth/token?refuse=1", nil)
	rig.ask("INVENTED", "/a/path/of/a/stranger", nil)

	listener := listen(t)
	stop := ServeMetrics(listener, rig.config.Metrics, false, slog.New(slog.DiscardHandler))
	base := "http://" + listener.Addr().String()
	text := fetch(t, base+"/metrics", http.StatusOK)
	for _, want := range []string{
		`latchkey_http_requests_total{method="POST",route="/auth/oauth/token",status="200"} 1`,
		`latchkey_http_requests_total{method="POST",route="/auth/oauth/token",status="401"} 1`,
		`latchkey_http_requests_total{method="other",route="none",status="404"} 1`,
		`latchkey_http_request_duration_seconds_count{method="POST",route="/auth/oauth/token"} 2`,
		`latchkey_token_requests_total{outcome="issued"} 1`,
		`latchkey_token_requests_total{outcome="invalid_client"} 1`,
		`latchkey_usage_lost_total 0`,
		`latchkey_token_requests_unknown_client_total 0`,
		`latchkey_build_info{version="test"} 1`,
		`go_goroutines`,
		`process_start_time_seconds`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("there is no %s", want)
		}
	}
	fetch(t, base+"/debug/pprof/", http.StatusNotFound)
	stop()
	if _, err := http.Get(base + "/metrics"); err == nil {
		t.Error("the metrics are still served")
	}
}

func TestProfiles(t *testing.T) {
	listener := listen(t)
	defer ServeMetrics(listener, NewMetrics("test"), true, slog.New(slog.DiscardHandler))()
	fetch(t, "http://"+listener.Addr().String()+"/debug/pprof/", http.StatusOK)
}

func fetch(t *testing.T, url string, status int) string {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != status {
		t.Fatalf("%s answered %s, %v", url, response.Status, err)
	}
	return string(body)
}
