package storage

import (
	"bufio"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/latchkey-auth/latchkey/oauth"
)

const (
	envReplicaURL    = "LATCHKEY_TEST_REPLICA_URL"
	envReplicaClient = "LATCHKEY_TEST_REPLICA_CLIENT"
)

// answer is what a replica was told of a client's status, and when it had asked. Both processes read one clock.
type answer struct {
	Asked, Answered int64
	Active          bool
}

// TestFreshAcrossProcesses: two processes ask for a client without pause, while a third deactivates and activates it.
// Once the deactivation has returned, no question may be answered "active" any more, until the next activation begins.
func TestFreshAcrossProcesses(t *testing.T) {
	if url := os.Getenv(envReplicaURL); url != "" {
		replica(t, url, os.Getenv(envReplicaClient))
		return
	}
	const mostRounds, longest = 2000, 10 * time.Second
	url := sharedPostgres.NewDatabase(t)
	db := migrated(t, url)
	client, _ := planted(t, db)
	replicas := []*replicaProcess{startReplica(t, url, client.ID), startReplica(t, url, client.ID)}

	type span struct{ from, to int64 }
	var inactive []span
	for began := time.Now(); len(inactive) < mostRounds && time.Since(began) < longest; {
		// On a machine with too much to do the database may be unavailable. Then nothing has been promised.
		err := setStatus(t.Context(), db, client.ID, oauth.StatusInactive)
		if err == nil {
			from := time.Now().UnixNano()
			time.Sleep(time.Millisecond) // So that somebody asks.
			inactive = append(inactive, span{from, time.Now().UnixNano()})
			err = setStatus(t.Context(), db, client.ID, oauth.StatusActive)
		}
		if err != nil && !errors.Is(err, oauth.ErrUnavailable) {
			t.Fatal(err)
		}
	}

	for i, replica := range replicas {
		answers := replica.stop(t)
		var total, active, inside int
		round := 0
		slices.SortFunc(answers, func(a, b answer) int { return cmp.Compare(a.Asked, b.Asked) })
		for _, a := range answers {
			total++
			if a.Active {
				active++
			}
			for round < len(inactive) && inactive[round].to < a.Asked {
				round++
			}
			if round == len(inactive) || a.Asked < inactive[round].from || a.Answered > inactive[round].to {
				continue
			}
			inside++
			if a.Active {
				t.Errorf("replica %d: round %d: an answer that was asked for %v after the deactivation says active",
					i, round, time.Duration(a.Asked-inactive[round].from))
			}
		}
		t.Logf("replica %d: %d rounds, %d answers, %d of them active; %d asked and answered while inactive",
			i, len(inactive), total, active, inside)
		if least := len(inactive) / 100; inside <= least || active <= least {
			t.Errorf("replica %d: %d and %d answers prove nothing", i, inside, active)
		}
	}
}

// replicaProcess is another process with a memory of the database.
type replicaProcess struct {
	command *exec.Cmd
	stdin   io.Closer
	answers chan []answer
}

// startReplica starts the process, and waits until it is answered.
func startReplica(t *testing.T, url, id string) *replicaProcess {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	command.Env = append(os.Environ(), envReplicaURL+"="+url, envReplicaClient+"="+id)
	command.Stderr = os.Stderr
	command.ExtraFiles = []*os.File{write}
	stdin, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	write.Close()
	r := &replicaProcess{command: command, stdin: stdin, answers: make(chan []answer, 1)}
	t.Cleanup(func() { stdin.Close() }) // Ends the process if the test fails early.

	ready := make(chan struct{})
	go func() {
		defer read.Close()
		in := bufio.NewReader(read)
		in.Peek(1)
		close(ready)
		var answers []answer
		var a answer
		for binary.Read(in, binary.NativeEndian, &a) == nil {
			answers = append(answers, a)
		}
		r.answers <- answers
	}()
	<-ready
	return r
}

// stop ends the process and answers what it was told.
func (r *replicaProcess) stop(t *testing.T) []answer {
	t.Helper()
	r.stdin.Close()
	answers := <-r.answers
	if err := r.command.Wait(); err != nil {
		t.Fatalf("the other process: %v", err)
	}
	return answers
}

// replica asks until its standard input ends, and writes what it was told to the file that startReplica gave it. It
// asks several times at once, so that questions share proofs and clients.
func replica(t *testing.T, url, id string) {
	f := fresh(t, open(t, url), FreshConfig{})
	ctx, end := context.WithCancel(t.Context())
	go func() {
		io.Copy(io.Discard, os.Stdin)
		end()
	}()
	var mu sync.Mutex
	out := bufio.NewWriter(os.NewFile(3, "answers"))
	var askers errgroup.Group
	for range 4 {
		askers.Go(func() error {
			// A moment's rest leaves the writer some of a small machine.
			for ; ctx.Err() == nil; time.Sleep(100 * time.Microsecond) {
				asked := time.Now().UnixNano()
				client, err := f.Client(t.Context(), id)
				if errors.Is(err, oauth.ErrUnavailable) {
					continue
				}
				if err != nil {
					return err
				}
				a := answer{asked, time.Now().UnixNano(), client.Status == oauth.StatusActive}
				mu.Lock()
				err = binary.Write(out, binary.NativeEndian, a)
				mu.Unlock()
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := errors.Join(askers.Wait(), out.Flush()); err != nil {
		t.Fatal(err)
	}
}
