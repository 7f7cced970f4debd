package server

import (
	"cmp"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"go.opentelemetry.io/otel/trace"
)

// observe leaves one log line and its share of the metrics for every request, even one that panics.
type observe struct {
	log     *slog.Logger
	metrics *Metrics
}

func (o observe) request(c *gin.Context) {
	start := time.Now()
	defer func() {
		took := time.Since(start)
		o.metrics.observe(c, took)
		if ctx, level := c.Request.Context(), level(c); o.log.Enabled(ctx, level) {
			o.log.Handler().Handle(ctx, line(c, level, start.Add(took), took))
		}
	}()
	c.Next()
}

// line is the log line of a request. It never holds the path or the query: both may carry what is not ours to keep. Nor
// does it hold the place in the code, which is always this one and which slog's own methods look up each time.
func line(c *gin.Context, level slog.Level, at time.Time, took time.Duration) slog.Record {
	const most = 11
	attributes := append(make([]slog.Attr, 0, most),
		slog.String("request_id", c.GetString(requestIDKey)),
		slog.String("method", c.Request.Method),
		slog.String("route", route(c)),
		slog.Int("status", c.Writer.Status()),
		slog.Float64("duration_ms", float64(took.Microseconds())/1000),
		slog.Int("bytes", max(0, c.Writer.Size())),
		slog.String("client_ip", c.ClientIP()),
	)
	var causes []string
	for _, err := range c.Errors {
		causes = append(causes, err.Error())
	}
	for _, attribute := range [...]slog.Attr{
		slog.String("client_id", cut(c.GetString(clientIDKey))),
		slog.String("error_code", c.GetString(errorCodeKey)),
		slog.String("cause", cut(strings.Join(causes, "; "))),
	} {
		if attribute.Value.String() != "" {
			attributes = append(attributes, attribute)
		}
	}
	if span := trace.SpanContextFromContext(c.Request.Context()); span.IsValid() {
		attributes = append(attributes, slog.String("trace_id", span.TraceID().String()))
	}
	record := slog.NewRecord(at, level, "request", 0)
	record.AddAttrs(attributes...)
	return record
}

// cut bounds what a caller may have written into the log.
func cut(text string) string {
	const most = 1000
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

// level keeps health checks out of the log as long as they succeed, and lifts what is ours to fix.
func level(c *gin.Context) slog.Level {
	switch path := c.FullPath(); {
	case c.Writer.Status() >= http.StatusInternalServerError && c.Writer.Status() != http.StatusNotImplemented:
		return slog.LevelError
	case path == livePath || path == readyPath:
		return slog.LevelDebug
	default:
		return slog.LevelInfo
	}
}

// route is the pattern of the request's path, of which there are few, whatever strangers ask for.
func route(c *gin.Context) string { return cmp.Or(c.FullPath(), "none") }
