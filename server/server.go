package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/latchkey-auth/latchkey/admin/console"
	"github.com/latchkey-auth/latchkey/admin/rest"
	"github.com/latchkey-auth/latchkey/oauth/endpoint"
)

// The limits of one connection. WriteTimeout also bounds the handler, so it must be longer than any RequestTimeout.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 15 * time.Second
	writeTimeout      = 60 * time.Second
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 32 << 10
)

// Config is what a Server is made of. Console, TLS, ClientCerts, Tracing and TrustedProxies may be left out; the rest is required.
type Config struct {
	// Issuer is the issuer's URL. If it has a path, everything but the health checks is served below it.
	Issuer   string
	Endpoint *endpoint.Endpoint
	API      *rest.API
	// Console is nil when it is switched off.
	Console *console.Console
	// Ready answers an error as long as no token could be issued.
	Ready func(context.Context) error
	// TrustedProxies are the networks whose X-Forwarded-For is believed.
	TrustedProxies []netip.Prefix
	// TLS holds the certificate; nil serves plain HTTP.
	TLS *Certificate
	// ClientCerts says where the certificates of clients come from.
	ClientCerts ClientCerts
	Metrics     *Metrics
	// Tracing is nil when it is off.
	Tracing *Tracing
	// AddressRate is how many requests a second one network may make as clients do, after ten seconds' worth at once;
	// zero for any number.
	AddressRate float64
	// RequestTimeout is the longest a request may be worked on.
	RequestTimeout time.Duration
	// DrainDelay is how long a stopping server still accepts connections, so that clients and load balancers can
	// notice that it is going. DrainTimeout is how long it then waits for the requests it has accepted.
	DrainDelay   time.Duration
	DrainTimeout time.Duration
	Log          *slog.Logger
}

// Server serves the whole HTTP surface.
type Server struct {
	config  Config
	handler http.Handler
	health  health
}

// New makes a Server and checks its Config.
func New(config Config) (*Server, error) {
	if config.RequestTimeout <= 0 || config.RequestTimeout >= writeTimeout {
		return nil, fmt.Errorf("the request timeout must be between 0 and %s", writeTimeout)
	}
	server := &Server{config: config, health: health{probe: config.Ready}}
	engine, err := server.routes()
	if err != nil {
		return nil, err
	}
	server.handler = config.Tracing.wrap(engine)
	return server, nil
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Serve answers the listener's connections until ctx ends, and closes the listener. Then it stops in this order:
// it turns unready and asks clients to leave; after the drain delay it accepts no more; it answers what it has
// accepted. The answer is nil if every accepted request was answered.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	door := door{listener}
	listener = door
	if s.config.TLS != nil {
		listener = tls.NewListener(door, s.config.TLS.config(s.config.ClientCerts.TLS))
	}
	var traffic traffic
	server := newHTTPServer(s, s.config.Log)
	server.ConnState = traffic.observe
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serving: %w", err)
	case <-ctx.Done():
	}

	s.config.Log.Info("stopping", "drain_delay", s.config.DrainDelay.String())
	s.health.draining.Store(true)
	time.Sleep(s.config.DrainDelay)

	door.shut()
	<-ended
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.config.DrainTimeout)
	defer cancel()
	server.SetKeepAlivesEnabled(false) // Idle connections have had their time to leave.
	err := traffic.flowOff(ctx)
	if err == nil {
		err = server.Shutdown(ctx)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("some requests were cut off: %w", err), server.Close())
	}
	return nil
}

func newHTTPServer(handler http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}
