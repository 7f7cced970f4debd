package server

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
)

func TestTracingWanted(t *testing.T) {
	for _, test := range []struct {
		environment map[string]string
		wanted      bool
		blames      string
	}{
		{nil, false, ""},
		{map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector"}, true, ""},
		{map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector"}, true, ""},
		{map[string]string{"OTEL_TRACES_EXPORTER": "otlp"}, true, ""},
		{map[string]string{"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector"}, false, ""},
		{map[string]string{"OTEL_TRACES_EXPORTER": "otlp", "OTEL_SDK_DISABLED": "true"}, false, ""},
		{map[string]string{"OTEL_TRACES_EXPORTER": "zipkin"}, false, "OTEL_TRACES_EXPORTER"},
		{map[string]string{"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, false, "OTEL_EXPORTER_OTLP_PROTOCOL"},
		{map[string]string{"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "grpc"}, false, "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"},
	} {
		wanted, err := tracingWanted(func(name string) string { return test.environment[name] })
		if wanted != test.wanted || (err != nil) != (test.blames != "") || err != nil && !strings.Contains(err.Error(), test.blames) {
			t.Errorf("%v: %v, %v", test.environment, wanted, err)
		}
	}
}

func TestTracing(t *testing.T) {
	exported := make(chan string, 10)
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		exported <- r.URL.Path + " " + string(body)
	}))
	defer collector.Close()
	// The exporter reads the environment by itself.
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	tracing, err := NewTracing(t.Context(), os.Getenv, "test", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	rig := newRig(t, func(c *Config) { c.Tracing = tracing }, func(engine *gin.Engine) {
		engine.GET("/things/:id", func(*gin.Context) {})
	})
	const trace = "0af7651916cd43dd8448eb211c80319c"
	rig.ask("GET", "/things/1", nil, "traceparent", "00-"+trace+"-b7ad6b7169203331-01")
	if line := rig.log.lines(t, "request")[0]; line["trace_id"] != trace {
		t.Errorf("the log says %v", line)
	}
	if err := tracing.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	select {
	case got := <-exported:
		if !strings.HasPrefix(got, "/v1/traces ") || !strings.Contains(got, "GET /things/:id") {
			t.Errorf("exported: %q", got)
		}
	default:
		t.Error("closing exported nothing")
	}
}
