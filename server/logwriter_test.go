package server

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
)

// stuckWriter writes nothing before it is released.
type stuckWriter struct {
	bytes.Buffer
	released chan struct{}
	calls    int
}

func (w *stuckWriter) Write(lines []byte) (int, error) {
	<-w.released
	w.calls++
	return w.Buffer.Write(lines)
}

func TestLogWriterKeepsAllLinesWhole(t *testing.T) {
	var out stuckWriter
	out.released = make(chan struct{})
	log := NewLogWriter(&out)
	var writers sync.WaitGroup
	for i := range 20 {
		writers.Go(func() {
			for n := range 50 {
				fmt.Fprintf(log, "writer %d line %d\n", i, n)
			}
		})
	}
	writers.Wait() // Nobody waits for what is stuck.
	close(out.released)
	log.Flush()

	seen := make(map[string]int)
	next := make(map[string]int)
	for line := range strings.Lines(out.String()) {
		seen[line]++
		writer, number, _ := strings.Cut(line, " line ")
		if want := fmt.Sprintf("%d\n", next[writer]); number != want {
			t.Fatalf("%s: line %q after %d", writer, number, next[writer]-1)
		}
		next[writer]++
	}
	if len(seen) != 20*50 {
		t.Errorf("%d lines of %d are there", len(seen), 20*50)
	}
	if out.calls > 2 {
		t.Errorf("what gathered was written in %d calls", out.calls)
	}
	log.Flush() // With nothing to write it does not wait.
}

func TestLogWriterIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := stuckWriter{released: make(chan struct{})}
		log := NewLogWriter(&out)
		line := append(bytes.Repeat([]byte("x"), 1023), '\n')
		const lines = 4 * maxUnwritten / 1024
		done := 0
		go func() {
			for ; done < lines; done++ {
				log.Write(line)
			}
		}()
		synctest.Wait()
		if done == lines || len(log.lines) > maxUnwritten+len(line) {
			t.Errorf("%d bytes wait, and whoever logs goes on", len(log.lines))
		}
		close(out.released)
		synctest.Wait()
		log.Flush()
		if out.Len() != lines*len(line) {
			t.Errorf("%d bytes were written of %d", out.Len(), lines*len(line))
		}
	})
}
