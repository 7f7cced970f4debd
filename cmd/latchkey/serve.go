package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"runtime"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/admin/console"
	"github.com/latchkey-auth/latchkey/admin/rest"
	"github.com/latchkey-auth/latchkey/deploy"
	"github.com/latchkey-auth/latchkey/oauth"
	"github.com/latchkey-auth/latchkey/oauth/endpoint"
	"github.com/latchkey-auth/latchkey/server"
)

// serve runs the server until ctx ends. Things start from top to bottom, and stop in the opposite order.
func serve(ctx context.Context, o *options, s *settings, stdout, stderr io.Writer) error {
	o.settle()
	if err := o.check(); err != nil {
		return err
	}
	lines := server.NewLogWriter(stderr)
	defer lines.Flush()
	log := newLog(o, lines)
	warn(o, log)
	if o.Pprof {
		runtime.MemProfileRate = 512 << 10 // Go's own.
	}
	if s.getenv("GOGC") == "" {
		keepHeapRoomy(ctx)
	}

	core, err := openCore(ctx, o, false)
	if err != nil {
		return err
	}
	defer core.close()

	screen, err := newConsole(o)
	if err != nil {
		return err
	}
	// All that can be busy or broken is taken before the first credential is made, so that its secret is not lost.
	certificate, err := loadCertificate(o, log)
	if err != nil {
		return usageError{err}
	}
	listener, err := net.Listen("tcp", o.Addr)
	if err != nil {
		return fmt.Errorf("--addr: %w", err)
	}
	defer listener.Close()
	number, _ := buildVersion()
	metrics := server.NewMetrics(number)
	metrics.WatchLedger(core.issuer.Ledger())
	stopMetrics, err := serveMetrics(o, s, metrics, log)
	if err != nil {
		return err
	}
	defer stopMetrics()
	tracing, err := server.NewTracing(ctx, s.getenv, number, log)
	if err != nil {
		return usageError{err}
	}
	defer closeTracing(tracing, log)

	if err := setUp(ctx, o, core, stdout); err != nil {
		return err
	}
	defer inBackground(context.WithoutCancel(ctx), newNotary(core, log).Run)()
	defer inBackground(ctx, func(ctx context.Context) { tendKeys(ctx, core, log) })()
	api, err := newAPI(o, core)
	if err != nil {
		return err
	}
	front, err := server.New(server.Config{
		Issuer:         o.Issuer,
		Endpoint:       endpoint.New(core.issuer, o.JWKSMaxAge, newLimits(o)),
		API:            api,
		Console:        screen,
		Ready:          core.ready,
		TrustedProxies: o.TrustedProxies,
		TLS:            certificate,
		ClientCerts:    o.clientCerts(),
		Metrics:        metrics,
		Tracing:        tracing,
		AddressRate:    o.AddressRate,
		RequestTimeout: o.RequestTimeout,
		DrainDelay:     o.DrainDelay,
		DrainTimeout:   o.DrainTimeout,
		Log:            log,
	})
	if err != nil {
		return err
	}
	defer keepUsage(core, o.UsageInterval, log)()
	defer inBackground(ctx, func(ctx context.Context) { prune(ctx, core, log) })()
	log.Info("serving", "addr", listener.Addr().String(), "issuer", o.Issuer, "version", number)
	defer log.Info("stopped")
	return front.Serve(ctx, listener)
}

func newLog(o *options, stderr io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: o.LogLevel}
	if o.LogFormat == "text" {
		return slog.New(slog.NewTextHandler(stderr, options))
	}
	return slog.New(slog.NewJSONHandler(stderr, options))
}

// warn says what is allowed and yet seldom meant.
func warn(o *options, log *slog.Logger) {
	issuer, err := url.Parse(o.Issuer)
	if err != nil || !o.Dev {
		return
	}
	address, _ := netip.ParseAddr(issuer.Hostname())
	if issuer.Hostname() != "localhost" && !address.IsLoopback() {
		log.Warn("--dev is for trying out on one machine, but clients of other machines are meant to come", "issuer", o.Issuer)
	}
}

func loadCertificate(o *options, log *slog.Logger) (*server.Certificate, error) {
	if o.TLSCert == "" {
		return nil, nil
	}
	return server.LoadCertificate(o.TLSCert, o.TLSKey, log)
}

// serveMetrics serves the metrics. Another replica on this machine may have the default address already; an address
// that was chosen is served or is an error.
func serveMetrics(o *options, s *settings, metrics *server.Metrics, log *slog.Logger) (stop func(), err error) {
	if o.MetricsAddr == metricsOff {
		return func() {}, nil
	}
	listener, err := net.Listen("tcp", o.MetricsAddr)
	if err != nil && !s.chosen("metrics-addr") {
		log.Warn("the default address of the metrics is taken; a free one is used", "cause", err)
		listener, err = net.Listen("tcp", "127.0.0.1:0")
	}
	if err != nil {
		return nil, fmt.Errorf("--metrics-addr: %w", err)
	}
	log.Info("serving metrics", "addr", listener.Addr().String())
	return server.ServeMetrics(listener, metrics, o.Pprof, log), nil
}

func closeTracing(tracing *server.Tracing, log *slog.Logger) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := tracing.Close(ctx); err != nil {
		log.Warn("some traces were not exported", "cause", err)
	}
}

// setUp makes sure of what a server needs in its database, and shows the first credential and the first operator's link if
// they were made up now.
func setUp(ctx context.Context, o *options, core *core, stdout io.Writer) error {
	setup := admin.Setup{
		Store: core.db, Keys: core.keys, IssuerURL: o.Issuer, Now: now,
		ClientID: o.BootstrapClientID, Secret: oauth.NewPlaintext(string(o.BootstrapClientSecret)),
		OperatorEmail: o.firstOperator(),
	}
	if o.Dev {
		setup.Example = deploy.Example
	}
	first, err := setup.Run(ctx)
	if err != nil || first == nil {
		return err
	}
	return announce(stdout, o, first)
}

// tendKeys rotates the signing keys as they are due, until ctx ends.
func tendKeys(ctx context.Context, core *core, log *slog.Logger) {
	tick := time.NewTicker(core.keys.TendEvery())
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := core.keys.Tend(ctx); err != nil && ctx.Err() == nil {
			log.Error("tending the signing keys", "cause", err)
		}
		if kids := core.fresh.Keyring().Unopened(); len(kids) > 0 {
			log.Warn("some signing keys cannot be opened here: is the master key the one of the other replicas?", "kids", kids)
		}
	}
}

// inBackground starts work, and answers what ends it and waits for that.
func inBackground(ctx context.Context, work func(context.Context)) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { work(ctx) })
	return func() { cancel(); running.Wait() }
}

// newConsole answers nil if the console is switched off.
func newConsole(o *options) (*console.Console, error) {
	switch {
	case !o.Console:
		return nil, nil
	case o.ConsoleDir != "":
		screen, err := console.NewFromFolder(o.ConsoleDir, o.oidcName())
		if err != nil {
			return nil, usageError{fmt.Errorf("--console-dir: %w", err)}
		}
		return screen, nil
	default:
		return console.New(o.oidcName()), nil
	}
}

func newLimits(o *options) endpoint.Limits {
	limits := endpoint.Limits{Timeout: o.RequestTimeout, MemoryTimeout: 3 * memoryTimeout}
	if o.TokenBackoff {
		limits.Backoff = endpoint.NewBackoff(now)
	}
	if o.ClientRate > 0 {
		limits.Clients = endpoint.NewLimiter[string](rate.Limit(o.ClientRate), endpoint.Burst(o.ClientRate))
	}
	return limits
}

func newAPI(o *options, core *core) (*rest.API, error) {
	passwords := admin.NewPasswords()
	provider, err := newUpstream(o, core)
	if err != nil {
		return nil, err
	}
	registrar, refusals := newRegistrar(core), admin.NewRefusals(core.db, now)
	return rest.New(rest.Config{
		Issuer:    core.issuer,
		Registrar: registrar,
		Catalog:   admin.Catalog{Store: core.db, Now: now},
		Tree:      admin.Tree{Store: core.db, Cursors: core.cursors, Now: now},
		Applier:   admin.Applier{Store: core.db, Registrar: registrar, Now: now},
		Trail:     admin.Trail{Store: core.db, Cursors: core.cursors},
		Keys:      core.keys,
		Retries:   admin.Retries{Store: core.db, Now: now},
		Operators: admin.Operators{Store: core.db, Cursors: core.cursors, Passwords: passwords, Now: now},
		Sessions: admin.NewSessions(admin.SessionsConfig{
			Store: core.db, Passwords: passwords, Refusals: refusals, Lifetime: o.SessionLifetime, Idle: o.SessionIdle, Now: now,
		}),
		Refusals: refusals,
		Upstream: provider,
	}), nil
}

func newRegistrar(core *core) *admin.Registrar {
	return admin.NewRegistrar(admin.RegistrarConfig{
		Store: core.db, Issuer: core.issuer, Cursors: core.cursors, MaxOverlap: core.maxOverlap, Now: now,
	})
}
