// Command latchload measures a Latchkey server on this machine: closed loops over keep-alive connections, bounded in
// count and time, with every answer checked. It refuses any address but loopback. bench.go is the whole measurement
// that the README's figures come from; load.go is the loop that all commands share.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // A second signal ends the process at once.
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is the whole program. It ends when the command has, or soon after ctx.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var commands struct {
		Token       tokenCommand       `cmd:"" help:"Ask for tokens as many credentials in turn."`
		Floor       floorCommand       `cmd:"" help:"Measure what no server can go below: an empty gin handler, and raw signatures."`
		Seed        seedCommand        `cmd:"" help:"Put many credentials into a database that a server has set up."`
		Admin       adminCommand       `cmd:"" help:"List, search, create and deactivate credentials."`
		Bench       benchCommand       `cmd:"" help:"Measure a server program on SQLite and PostgreSQL against the floors."`
		Compare     compareCommand     `cmd:"" help:"Measure two server programs in turn, and say which needs less."`
		Replicas    replicasCommand    `cmd:"" help:"Measure how tokens grow with replicas on one PostgreSQL."`
		FloorServer floorServerCommand `cmd:"" hidden:""`
	}
	status := 0
	parser, err := kong.New(&commands,
		kong.Name("latchload"),
		kong.Description("Latchload puts load on a Latchkey server on this machine, and measures it."),
		kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { status = -1 }), // kong goes on parsing after it has printed the help.
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.BindTo(stdout, (*io.Writer)(nil)))
	if err != nil {
		fmt.Fprintln(stderr, "latchload:", err)
		return 1
	}
	parsed, err := parser.Parse(args)
	switch {
	case status != 0:
		return 0
	case err != nil:
		fmt.Fprintln(stderr, "latchload:", err)
		return 2
	}
	if err := parsed.Run(); err != nil {
		fmt.Fprintln(stderr, "latchload:", err)
		return 1
	}
	return 0
}
