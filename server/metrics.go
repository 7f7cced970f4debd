package server

import (
	"cmp"
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/latchkey-auth/latchkey/oauth"
)

// Metrics counts what the server does, for Prometheus.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	tokens   *prometheus.CounterVec
	limited  *prometheus.CounterVec
}

// NewMetrics makes the metrics of a build.
func NewMetrics(version string) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "latchkey_http_requests_total", Help: "Requests by route pattern, method and status.",
		}, []string{"route", "method", "status"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "latchkey_http_request_duration_seconds", Help: "Time to answer a request.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"route", "method"}),
		tokens: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "latchkey_token_requests_total", Help: "Token requests by outcome: issued, or the error code.",
		}, []string{"outcome"}),
		limited: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "latchkey_limited_requests_total", Help: "Requests refused because there were too many, by limit: address, client, quota, failures.",
		}, []string{"limit"}),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "latchkey_build_info", Help: "Always 1; the version is the label.",
		ConstLabels: prometheus.Labels{"version": version},
	})
	build.Set(1)
	m.registry.MustRegister(m.requests, m.duration, m.tokens, m.limited, build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// WatchLedger counts what a ledger cannot note.
func (m *Metrics) WatchLedger(ledger *oauth.Ledger) {
	m.registry.MustRegister(
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "latchkey_usage_lost_total", Help: "Notes on the usage of credentials that were lost: there was no room, or the database refused them.",
		}, func() float64 { return float64(ledger.Lost()) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "latchkey_token_requests_unknown_client_total", Help: "Token requests of clients that do not exist.",
		}, func() float64 { return float64(ledger.Unknown()) }))
}

func (m *Metrics) observe(c *gin.Context, took time.Duration) {
	method := knownMethod(c.Request.Method)
	m.requests.WithLabelValues(route(c), method, strconv.Itoa(c.Writer.Status())).Inc()
	m.duration.WithLabelValues(route(c), method).Observe(took.Seconds())
	if limit := c.GetString(limitKey); limit != "" {
		m.limited.WithLabelValues(limit).Inc()
	}
	if strings.HasSuffix(c.FullPath(), oauth.TokenPath) {
		m.tokens.WithLabelValues(cmp.Or(c.GetString(errorCodeKey), "issued")).Inc()
	}
}

// knownMethod bounds the label: anybody can invent methods.
func knownMethod(method string) string {
	known := []string{
		http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
		http.MethodOptions,
	}
	if slices.Contains(known, method) {
		return method
	}
	return "other"
}

// ServeMetrics answers /metrics and, if wanted, the profiles of net/http/pprof on a listener of their own, until
// the function it answers is called.
func ServeMetrics(listener net.Listener, metrics *Metrics, profiles bool, log *slog.Logger) (stop func()) {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(metrics.registry, promhttp.HandlerOpts{Registry: metrics.registry}))
	if profiles {
		mux.HandleFunc("GET /debug/pprof/", pprof.Index)
		mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
		mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
		mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	}
	server := newHTTPServer(mux, log)
	go func() {
		if err := server.Serve(listener); err != http.ErrServerClosed {
			log.Error("metrics are no longer served", "cause", err)
		}
	}()
	return func() {
		// A scrape under way may finish, so that the last numbers are not lost.
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if server.Shutdown(ctx) != nil {
			server.Close()
		}
	}
}
