package server

import (
	"errors"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
)

func TestRequestID(t *testing.T) {
	rig := newRig(t, trusting, none)
	for _, test := range []struct {
		sent string
		kept bool
	}{
		{"", false},
		{"short", false},
		{"01JD-abc_d.EF", true},
		{strings.Repeat("a", 64), true},
		{strings.Repeat("a", 65), false},
		{"with a blank", false},
		{"line\nbreak", false},
	} {
		got := rig.ask("GET", livePath, nil, requestIDHeader, test.sent).Header().Get(requestIDHeader)
		if (got == test.sent) != test.kept || len(got) < 8 {
			t.Errorf("for %q the id is %q", test.sent, got)
		}
	}
}

func TestRequestIDOfStrangers(t *testing.T) {
	rig := newRig(t, nil, none)
	if got := rig.ask("GET", livePath, nil, requestIDHeader, "forged-by-caller").Header().Get(requestIDHeader); got == "forged-by-caller" {
		t.Error("anybody can choose what the audit trail says")
	}
}

// trusting trusts the address that requests in tests come from.
func trusting(c *Config) { c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} }

func TestUnwritableAnswer(t *testing.T) {
	rig := newRig(t, nil, func(engine *gin.Engine) {
		engine.GET("/admin/v1/broken", func(c *gin.Context) { c.PureJSON(http.StatusCreated, func() {}) })
	})
	got := rig.ask("GET", "/admin/v1/broken", nil)
	if got.Code != http.StatusInternalServerError || !strings.Contains(got.Body.String(), "/problems/internal") {
		t.Errorf("answered %d %q", got.Code, got.Body)
	}
}

func TestRequestLog(t *testing.T) {
	rig := newRig(t, trusting, func(engine *gin.Engine) {
		engine.POST("/things/:id", func(c *gin.Context) {
			c.Set(clientIDKey, "cid_1")
			c.Set(errorCodeKey, "invalid_client")
			c.Error(errors.New("first cause"))
			c.Error(errors.New("second cause"))
			c.String(http.StatusUnauthorized, "no")
		})
	})
	rig.ask("POST", "/things/hidden-id?token=hidden-token", nil, requestIDHeader, "request-1")
	lines := rig.log.lines(t, "request")
	if len(lines) != 1 {
		t.Fatalf("there are %d lines for one request", len(lines))
	}
	for key, want := range map[string]any{
		"level": "INFO", "request_id": "request-1", "method": "POST", "route": "/things/:id", "status": 401.0, "bytes": 2.0,
		"client_ip": "192.0.2.1", "client_id": "cid_1", "error_code": "invalid_client", "cause": "first cause; second cause",
	} {
		if lines[0][key] != want {
			t.Errorf("%s is %v; want %v", key, lines[0][key], want)
		}
	}
	if took, ok := lines[0]["duration_ms"].(float64); !ok || took < 0 {
		t.Errorf("duration_ms is %v", lines[0]["duration_ms"])
	}
	if text := rig.log.text.String(); strings.Contains(text, "hidden") {
		t.Errorf("the log shows the path or the query: %s", text)
	}
}

func TestRecovery(t *testing.T) {
	explode := func(*gin.Context) { panic("secret state") }
	rig := newRig(t, nil, func(engine *gin.Engine) {
		engine.GET("/oauth/explode", explode)
		engine.GET("/admin/v1/explode", explode)
	})
	for path, want := range map[string]string{
		"/oauth/explode":    `"error":"server_error"`,
		"/admin/v1/explode": `"type":"https://latchkey.example/problems/internal"`,
	} {
		got := rig.ask("GET", path, nil)
		if got.Code != http.StatusInternalServerError || !strings.Contains(got.Body.String(), want) {
			t.Errorf("%s answered %d %s", path, got.Code, got.Body)
		}
		if strings.Contains(got.Body.String(), "secret") || got.Header().Get(requestIDHeader) == "" {
			t.Errorf("%s answered %v %s", path, got.Header(), got.Body)
		}
	}
	for _, line := range rig.log.lines(t, "panic") {
		if line["cause"] != "secret state" || !strings.Contains(line["stack"].(string), "middleware_test.go") {
			t.Errorf("the log says %v", line)
		}
	}
	if lines := rig.log.lines(t, "request"); len(lines) != 2 || lines[0]["status"] != 500.0 || lines[0]["level"] != "ERROR" {
		t.Errorf("the log says %v", lines)
	}
}

// TestAbort holds that half an answer is cut off, where it could be taken for a whole one.
func TestAbort(t *testing.T) {
	rig := newRig(t, nil, func(engine *gin.Engine) {
		engine.GET("/abort", func(*gin.Context) { panic(http.ErrAbortHandler) })
		engine.GET("/half", func(c *gin.Context) {
			c.String(http.StatusOK, "half")
			panic("too late")
		})
	})
	for _, path := range []string{"/abort", "/half"} {
		func() {
			defer func() {
				if recover() != http.ErrAbortHandler {
					t.Errorf("%s: the connection was not cut off", path)
				}
			}()
			rig.ask("GET", path, nil)
		}()
	}
	if lines := rig.log.lines(t, "request"); len(lines) != 2 {
		t.Errorf("the log says %v", lines)
	}
}

func TestLimits(t *testing.T) {
	rig := newRig(t, func(c *Config) { c.RequestTimeout = 10 * time.Millisecond }, func(engine *gin.Engine) {
		engine.POST("/read", limitBody(10), func(c *gin.Context) {
			_, err := io.ReadAll(c.Request.Body)
			if errors.As(err, new(*http.MaxBytesError)) {
				c.Status(http.StatusRequestEntityTooLarge)
			}
		})
		engine.GET("/wait", func(c *gin.Context) {
			<-c.Request.Context().Done()
			c.Status(http.StatusServiceUnavailable)
		})
	})
	for body, want := range map[string]int{"ten bytes.": http.StatusOK, "eleven byte": http.StatusRequestEntityTooLarge} {
		// A reader of unknown length is sent in chunks.
		for _, reader := range []io.Reader{strings.NewReader(body), io.MultiReader(strings.NewReader(body))} {
			if got := rig.ask("POST", "/read", reader); got.Code != want {
				t.Errorf("%q was answered %d; want %d", body, got.Code, want)
			}
		}
	}
	if got := rig.ask("GET", "/wait", nil); got.Code != http.StatusServiceUnavailable {
		t.Errorf("the deadline did not end the request: %d", got.Code)
	}
}

func TestSecurityHeaders(t *testing.T) {
	for issuer, want := range map[string]string{"https://latchkey.example": "max-age=31536000", "http://localhost:8080": ""} {
		rig := newRig(t, func(c *Config) { c.Issuer = issuer }, none)
		header := rig.ask("GET", livePath, nil).Header()
		if header.Get("Strict-Transport-Security") != want || header.Get("X-Content-Type-Options") != "nosniff" ||
			header.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s: %v", issuer, header)
		}
	}
}

func TestPathParameters(t *testing.T) {
	rig := newRig(t, nil, func(engine *gin.Engine) {
		engine.GET("/things/:id", func(c *gin.Context) { c.String(http.StatusOK, c.Param("id")) })
	})
	for path, want := range map[string]string{"a%2Fb": "a/b", "a+b": "a+b", "a%20b": "a b", "%25": "%", "svc:x@y": "svc:x@y"} {
		if got := rig.ask("GET", "/things/"+path, nil).Body.String(); got != want {
			t.Errorf("%s is read as %q; want %q", path, got, want)
		}
	}
}

func TestTrustedProxies(t *testing.T) {
	address := func(engine *gin.Engine) {
		engine.GET("/ip", func(c *gin.Context) { c.String(http.StatusOK, c.ClientIP()) })
	}
	for _, test := range []struct {
		trusted []netip.Prefix
		want    string
	}{
		{nil, "192.0.2.1"},
		{[]netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, "192.0.2.1"},
		{[]netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, "198.51.100.7"},
	} {
		rig := newRig(t, func(c *Config) { c.TrustedProxies = test.trusted }, address)
		if got := rig.ask("GET", "/ip", nil, "X-Forwarded-For", "203.0.113.9, 198.51.100.7").Body.String(); got != test.want {
			t.Errorf("trusting %v, the client is %s; want %s", test.trusted, got, test.want)
		}
	}
}

func TestRefusals(t *testing.T) {
	rig := newRig(t, nil, func(engine *gin.Engine) {
		engine.POST("/oauth/token", func(*gin.Context) {})
		engine.GET("/admin/v1/me", func(*gin.Context) {})
	})
	for _, test := range []struct {
		method, path string
		status       int
		contentType  string
	}{
		{"GET", "/oauth/token", http.StatusMethodNotAllowed, "application/json; charset=utf-8"},
		{"POST", "/oauth/nothing", http.StatusNotFound, "application/json; charset=utf-8"},
		{"POST", "/oauth/token/", http.StatusNotFound, "application/json; charset=utf-8"},
		{"DELETE", "/admin/v1/me", http.StatusMethodNotAllowed, "application/problem+json"},
		{"GET", "/admin/v1/nothing", http.StatusNotFound, "application/problem+json"},
		{"GET", "/ADMIN/v1/me", http.StatusNotFound, "application/problem+json"},
	} {
		got := rig.ask(test.method, test.path, nil)
		if got.Code != test.status || got.Header().Get("Content-Type") != test.contentType {
			t.Errorf("%s %s answered %d %s", test.method, test.path, got.Code, got.Header().Get("Content-Type"))
		}
		if (got.Header().Get("Allow") != "") != (test.status == http.StatusMethodNotAllowed) {
			t.Errorf("%s %s: Allow is %q", test.method, test.path, got.Header().Get("Allow"))
		}
	}
}
