package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
)

// rig is a Server whose middleware is real and whose routes are the test's own.
type rig struct {
	*Server
	log *logBuffer
}

func newRig(t *testing.T, change func(*Config), routes func(*gin.Engine)) *rig {
	t.Helper()
	log := new(logBuffer)
	config := Config{
		Issuer:         "https://latchkey.example",
		Ready:          func(context.Context) error { return nil },
		Metrics:        NewMetrics("test"),
		RequestTimeout: time.Second,
		DrainTimeout:   5 * time.Second,
		Log:            slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if change != nil {
		change(&config)
	}
	server := &Server{config: config, health: health{probe: config.Ready}}
	engine, _, _, err := server.newEngine()
	if err != nil {
		t.Fatal(err)
	}
	engine.Use(deadline(config.RequestTimeout)) // As nearly all routes do.
	get(&engine.RouterGroup, livePath, server.health.live)
	get(&engine.RouterGroup, readyPath, server.health.ready)
	routes(engine)
	server.handler = config.Tracing.wrap(engine)
	return &rig{server, log}
}

// ask sends one request straight to the handler.
func (r *rig) ask(method, target string, body io.Reader, header ...string) *httptest.ResponseRecorder {
	request := httptest.NewRequest(method, target, body)
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	recorder := httptest.NewRecorder()
	r.ServeHTTP(recorder, request)
	return recorder
}

// logBuffer keeps log lines.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logBuffer) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(line)
}

// lines answers the log lines with this message.
func (b *logBuffer) lines(t *testing.T, message string) []map[string]any {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	var found []map[string]any
	for line := range strings.Lines(b.text.String()) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if fields["msg"] == message {
			found = append(found, fields)
		}
	}
	return found
}

func none(*gin.Engine) {}

func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return listener
}

// guestBook is a listener that knows whom it has let in.
type guestBook struct {
	*net.TCPListener
	guests sync.Map
}

func (g *guestBook) Accept() (net.Conn, error) {
	conn, err := g.TCPListener.Accept()
	if err == nil {
		g.guests.Store(conn.RemoteAddr().String(), true)
	}
	return conn, err
}

// TestDrain stops a server under the load of clients that keep their connections: every request that gets a
// connection gets its whole answer.
func TestDrain(t *testing.T) {
	rig := newRig(t, func(c *Config) { c.DrainDelay = 300 * time.Millisecond }, func(engine *gin.Engine) {
		engine.GET("/slow", func(c *gin.Context) {
			time.Sleep(3 * time.Millisecond)
			c.String(http.StatusOK, "done")
		})
	})
	listener := &guestBook{TCPListener: listen(t).(*net.TCPListener)}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- rig.Serve(ctx, listener) }()

	var answered, farewells atomic.Int64
	var clients sync.WaitGroup
	for range 16 {
		clients.Go(func() {
			var address string // Of this end of the connection.
			trace := &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) { address = info.Conn.LocalAddr().String() }}
			request, _ := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), trace), "GET",
				"http://"+listener.Addr().String()+"/slow", nil)
			client := http.Client{Transport: new(http.Transport)}
			for {
				address = ""
				response, err := client.Do(request)
				if err != nil {
					if _, accepted := listener.guests.Load(address); accepted {
						t.Errorf("a request was cut off: %v", err)
					}
					return
				}
				body, err := io.ReadAll(response.Body)
				response.Body.Close()
				if err != nil || string(body) != "done" {
					t.Errorf("half an answer: %q, %v", body, err)
				}
				answered.Add(1)
				if response.Close {
					farewells.Add(1)
				}
			}
		})
	}
	time.Sleep(200 * time.Millisecond)
	stop()
	time.Sleep(100 * time.Millisecond)
	if got := rig.ask("GET", readyPath, nil); got.Code != http.StatusServiceUnavailable || !strings.Contains(got.Body.String(), "draining") {
		t.Errorf("while draining, %s answered %d %s", readyPath, got.Code, got.Body)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
	clients.Wait()
	if farewells.Load() == 0 {
		t.Errorf("of %d answers none asked the client to leave", answered.Load())
	}
}

// TestGuestEndsHalf: net/http can say that an answer ends before it has read all that a client still sends.
func TestGuestEndsHalf(t *testing.T) {
	listener := door{listen(t)}
	client, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	conn, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(client); err != nil || len(rest) > 0 {
		t.Errorf("the client read %q (%v)", rest, err)
	}
	if _, err := client.Write([]byte("more")); err != nil {
		t.Error(err)
	}
	more := make([]byte, 4)
	if _, err := io.ReadFull(conn, more); err != nil || string(more) != "more" {
		t.Errorf("the server read %q (%v)", more, err)
	}
}

func TestDrainTimeout(t *testing.T) {
	entered := make(chan struct{})
	rig := newRig(t, func(c *Config) { c.DrainTimeout = 10 * time.Millisecond }, func(engine *gin.Engine) {
		engine.GET("/stuck", func(c *gin.Context) {
			close(entered)
			<-c.Request.Context().Done()
		})
	})
	listener := listen(t)
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- rig.Serve(ctx, listener) }()
	go http.Get("http://" + listener.Addr().String() + "/stuck")
	<-entered
	stop()
	if err := <-served; !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a drain that took too long answered %v", err)
	}
}

func TestHealth(t *testing.T) {
	var down error
	rig := newRig(t, func(c *Config) { c.Ready = func(context.Context) error { return down } }, none)
	for _, test := range []struct {
		name   string
		down   error
		path   string
		status int
	}{
		{"alive", nil, livePath, http.StatusOK},
		{"ready", nil, readyPath, http.StatusOK},
		{"alive without a database", errors.New("secret cause"), livePath, http.StatusOK},
		{"not ready without a database", errors.New("secret cause"), readyPath, http.StatusServiceUnavailable},
	} {
		down = test.down
		for _, method := range []string{"GET", "HEAD"} {
			got := rig.ask(method, test.path, nil)
			if got.Code != test.status || strings.Contains(got.Body.String(), "secret") {
				t.Errorf("%s: %s answered %d %s", test.name, method, got.Code, got.Body)
			}
		}
	}
}
