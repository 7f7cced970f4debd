package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/latchkey-auth/latchkey/storage/storagetest"
)

// benchCommand is latchload bench.
type benchCommand struct {
	Program     string        `arg:"" type:"existingfile" help:"The server program."`
	Credentials []int64       `default:"1,10000" help:"How many credentials the database holds, in turn."`
	Active      int64         `default:"10000" help:"How many of them ask for tokens, at most."`
	Methods     []string      `default:"secret,private_key_jwt,dpop" enum:"secret,private_key_jwt,dpop" help:"How to ask, in turn."`
	Connections []int         `default:"1,16,64" short:"c" help:"How many connections to keep busy, in turn."`
	Databases   []string      `default:"sqlite,postgres" enum:"sqlite,postgres" help:"The databases, in turn."`
	Duration    time.Duration `default:"1s" short:"d" help:"For how long each time."`
	Rounds      int           `default:"5" help:"How many times each combination is measured, between measurements of the floors; the median is printed."`
}

// Run measures every combination and prints a Markdown table.
func (c *benchCommand) Run(ctx context.Context, stdout io.Writer) error {
	if c.Rounds < 1 {
		return errors.New("--rounds must be at least 1")
	}
	if err := pinSelf(); err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "latchload-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	floor, err := startFloorServer(ctx)
	if err != nil {
		return err
	}
	defer floor.stop()

	var starts []string
	fmt.Fprint(stdout, "| database | credentials | asking | by | connections | tokens/s | of the ceiling | of the floors' sum | p50 | p99 | processor a token |"+
		" of which the ceiling | allocations | bytes | resident |\n|---|--:|--:|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n")
	for _, database := range c.Databases {
		for _, credentials := range c.Credentials {
			s, err := newStage(ctx, c.Program, database, credentials, min(c.Active, credentials), folder)
			if err != nil {
				return err
			}
			s.awake = canPin()
			for _, method := range c.Methods {
				// Each credential that is to ask has asked once before anything is measured.
				if err == nil {
					_, err = s.tokens(ctx, method, 16, time.Minute, s.active)
				}
				for _, connections := range c.Connections {
					if err == nil {
						err = c.row(ctx, stdout, s, floor, method, connections)
					}
				}
			}
			starts = append(starts, fmt.Sprintf("%s with %d credentials: seeded in %s; from start to first token %s",
				database, credentials, s.seeded.Round(time.Millisecond), s.first.Round(time.Millisecond)))
			s.close()
			if err != nil {
				return err
			}
		}
	}
	fmt.Fprintf(stdout, "\n%s\n", strings.Join(starts, "\n"))
	return nil
}

// measured is one measurement, and the floors as they were around it.
type measured struct {
	measurement
	floors
}

// share answers how much of the ceiling was reached.
func (m measured) share() float64 { return m.perSecond() / m.ceiling() }

// row measures one combination several times, each time between two measurements of the floors, for the speed of a shared
// machine changes from one second to the next. It prints the median by share.
func (c *benchCommand) row(ctx context.Context, stdout io.Writer, s *stage, floor *floorServer, method string, connections int) error {
	before, err := floor.measure(ctx, connections, c.Duration/4)
	if err != nil {
		return err
	}
	samples := make([]measured, c.Rounds)
	for i := range samples {
		m, err := s.measure(ctx, method, connections, c.Duration)
		if err != nil {
			return err
		}
		after, err := floor.measure(ctx, connections, c.Duration/4)
		if err != nil {
			return err
		}
		samples[i], before = measured{m, before.mean(after)}, after
	}
	slices.SortFunc(samples, func(a, b measured) int { return cmp.Compare(a.share(), b.share()) })
	m := samples[len(samples)/2]
	fmt.Fprintf(stdout, "| %s | %d | %d | %s | %d | %.0f | **%.0f %%** | %.0f %% | %s | %s | %s | **%.0f %%** | %.0f | %.1f KiB | %.0f MiB |\n",
		s.database, s.credentials, s.active, method, connections, m.perSecond(), 100*m.share(), 100*m.perSecond()/m.sum(),
		m.times.quantile(.5), m.times.quantile(.99),
		m.cpu.Round(100*time.Nanosecond), 100*float64(m.both.Processor)/float64(m.cpu),
		m.allocations, m.bytes/1024, m.resident/(1<<20))
	return nil
}

// stage is a server program on a database with credentials.
type stage struct {
	*process
	database    string
	credentials int64
	active      int64
	address     string // Of the database.
	key         seedKey
	seeded      time.Duration
	cluster     *storagetest.Cluster // Nil for SQLite.
}

// newStage makes a database, lets the server set it up, seeds it, and starts the server again on what is there now.
func newStage(ctx context.Context, program, database string, credentials, active int64, folder string) (s *stage, err error) {
	s = &stage{database: database, credentials: credentials, active: active, key: newSeedKey()}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if folder, err = os.MkdirTemp(folder, "stage-"); err != nil {
		return s, err
	}
	s.address = "sqlite:" + filepath.Join(folder, "latchkey.db")
	if database == "postgres" {
		if s.cluster, err = storagetest.StartPostgres("shared_buffers=512MB"); err != nil {
			return s, err
		}
		if s.address, err = s.cluster.CreateDatabase(); err != nil {
			return s, err
		}
	}
	if s.process, err = startProcess(ctx, program, s.address, folder); err != nil {
		return s, err
	}
	s.process.stop()
	s.process = nil
	start := time.Now()
	if err = seed(ctx, s.address, s.key, credentials, active); err != nil {
		return s, err
	}
	s.seeded = time.Since(start)
	s.process, err = startProcess(ctx, program, s.address, folder)
	return s, err
}

func (s *stage) close() {
	if s.process != nil {
		s.process.stop()
	}
	if s.cluster != nil {
		s.cluster.Close()
	}
}

// measurement is a result with what one token cost the server.
type measurement struct {
	*result
	usage // A token, but for resident.
}

func (s *stage) measure(ctx context.Context, method string, connections int, duration time.Duration) (measurement, error) {
	before, err := s.usage(ctx)
	if err != nil {
		return measurement{}, err
	}
	r, err := s.tokens(ctx, method, connections, duration, maxCount)
	if err != nil {
		return measurement{}, err
	}
	after, err := s.usage(ctx)
	n := float64(r.times.total)
	return measurement{r, usage{
		cpu:         time.Duration(float64(after.cpu-before.cpu) / n),
		allocations: (after.allocations - before.allocations) / n,
		bytes:       (after.bytes - before.bytes) / n,
		resident:    after.resident,
	}}, err
}

// tokens lets the active credentials ask in turn. A wrong answer is an error.
func (s *stage) tokens(ctx context.Context, method string, connections int, duration time.Duration, count int64) (*result, error) {
	r, err := tokenLoad{
		load: load{s.target, connections, duration, count}, key: s.key, method: method, credentials: s.active, verifyEvery: 100,
	}.run(ctx)
	if err == nil {
		err = r.failure()
	}
	if err != nil {
		return nil, fmt.Errorf("%s with %d credentials, %s and %d connections: %w", s.database, s.credentials, method, connections, err)
	}
	return r, nil
}
