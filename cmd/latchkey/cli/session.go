package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/alecthomas/kong"
	"golang.org/x/term"
)

// Session is what a command has around it.
type Session struct {
	Stdin     io.Reader
	Stdout    io.Writer
	Stderr    io.Writer
	Getenv    func(string) string
	ConfigDir string // The user's folder for configuration; empty if there is none.
	Now       func() time.Time
}

// Run runs the client command that was parsed. Its error is a *Failure.
func (s *Session) Run(ctx context.Context, parsed *kong.Context) error {
	parsed.BindTo(ctx, (*context.Context)(nil))
	err := parsed.Run(s)
	var failure *Failure
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return &Failure{Code: ExitInterrupted, Message: "interrupted"}
	case errors.As(err, &failure):
		return failure
	default:
		return &Failure{Code: ExitFailed, Message: err.Error()}
	}
}

// note tells the user something that is no data.
func (s *Session) note(format string, values ...any) {
	fmt.Fprintln(s.Stderr, clean(fmt.Sprintf(format, values...)))
}

// terminal answers the descriptor of a stream, if it is a terminal.
func terminal(stream any) (int, bool) {
	file, ok := stream.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return 0, false
	}
	return int(file.Fd()), true
}

// readLine reads a line of standard input, and nothing of what comes after it: a hidden line may.
func (s *Session) readLine() (string, error) {
	var line []byte
	for char := make([]byte, 1); len(line) < maxSecret; line = append(line, char[0]) {
		_, err := io.ReadFull(s.Stdin, char)
		if err == io.EOF && len(line) > 0 || err == nil && char[0] == '\n' {
			break
		}
		if err != nil {
			return "", misused("", "nothing could be read from standard input: %s", err)
		}
	}
	return strings.TrimRight(string(line), "\r"), nil
}

// ask asks whoever sits at the terminal; a hidden answer is not echoed. An interrupt ends the waiting, and leaves the
// terminal as it was.
func (s *Session) ask(ctx context.Context, question string, hidden bool) (string, error) {
	descriptor, _ := terminal(s.Stdin)
	before, err := term.GetState(descriptor)
	if err != nil {
		return "", failed("", "the terminal does not answer: %s", err)
	}
	fmt.Fprintf(s.Stderr, "%s: ", clean(question))
	type answer struct {
		text string
		err  error
	}
	answered := make(chan answer, 1)
	go func() {
		if !hidden {
			text, err := s.readLine()
			answered <- answer{text, err}
			return
		}
		text, err := term.ReadPassword(descriptor)
		answered <- answer{string(text), err}
	}()
	select {
	case got := <-answered:
		if hidden {
			fmt.Fprintln(s.Stderr)
		}
		return strings.TrimSpace(got.text), got.err
	case <-ctx.Done():
		term.Restore(descriptor, before)
		fmt.Fprintln(s.Stderr)
		return "", ctx.Err()
	}
}

// mayAsk reports whether there is somebody to ask.
func (c *connection) mayAsk(s *Session) bool {
	_, ok := terminal(s.Stdin)
	return ok && !c.NoInput && !c.ClientSecretStdin
}

// sure makes sure that what cannot be undone is meant: the name must be typed, or --yes be given.
func (c *connection) sure(ctx context.Context, s *Session, yes bool, name string) error {
	if yes {
		return nil
	}
	if !c.mayAsk(s) {
		return misused("add --yes", "this cannot be undone, and there is nobody to ask whether it is meant")
	}
	typed, err := s.ask(ctx, fmt.Sprintf("This cannot be undone. Type %q to go on", name), false)
	if err != nil {
		return err
	}
	if typed != strings.TrimSpace(name) {
		return misused("", "that is not its name; nothing was changed")
	}
	return nil
}

func readUpTo(stream io.Reader, name string, limit int64) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(stream, limit+1))
	if err != nil {
		return nil, misused("", "%s: %s", name, err)
	}
	if int64(len(text)) > limit {
		return nil, misused("", "%s is longer than %d bytes", name, limit)
	}
	return text, nil
}
