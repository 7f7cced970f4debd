package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// caller writes the requests of one connection and judges their answers.
type caller interface {
	// request answers the whole n-th request, n from 0. It is sent before the next call.
	request(n int64) []byte
	// judge answers what kind of error the n-th answer is, or "" if it is right. The body is valid until it returns.
	judge(n int64, status int, body []byte) string
}

// load is a closed loop: on each connection one request is under way. It ends after count requests or the duration,
// whichever comes first.
type load struct {
	target
	connections int
	duration    time.Duration
	count       int64
}

// limits bound every load.
const (
	maxConnections = 1024
	maxDuration    = 10 * time.Minute
	maxCount       = 20_000_000
	maxErrors      = 1000 // After which a load gives up.
)

func (l load) check() error {
	switch {
	case l.connections < 1 || l.connections > maxConnections:
		return fmt.Errorf("the number of connections must be from 1 to %d", maxConnections)
	case l.duration <= 0 || l.duration > maxDuration:
		return fmt.Errorf("the duration must be from 1ms to %s", maxDuration)
	case l.count < 1 || l.count > maxCount:
		return fmt.Errorf("the count must be from 1 to %d", maxCount)
	default:
		return nil
	}
}

// result is what a load has seen.
type result struct {
	elapsed time.Duration
	times   histogram // Of the right answers.
	errors  map[string]int64
}

// run lets one caller work on each connection.
func (l load) run(ctx context.Context, callers []caller) (*result, error) {
	if err := l.check(); err != nil {
		return nil, err
	}
	conns := make([]*conn, len(callers))
	for i := range callers {
		var err error
		if conns[i], err = l.dial(ctx); err != nil {
			return nil, fmt.Errorf("connecting: %w", err)
		}
		defer func() { conns[i].Close() }()
	}
	ctx, cancel := context.WithTimeout(ctx, l.duration)
	defer cancel()
	var (
		wait    sync.WaitGroup
		sent    atomic.Int64
		results = make([]result, len(callers))
	)
	start := time.Now()
	for i := range callers {
		wait.Go(func() { results[i] = l.work(ctx, &conns[i], callers[i], &sent) })
	}
	wait.Wait()
	whole := &result{elapsed: time.Since(start), errors: make(map[string]int64)}
	for i := range results {
		whole.times.merge(&results[i].times)
		for kind, n := range results[i].errors {
			whole.errors[kind] += n
		}
	}
	return whole, nil
}

// work sends one request after the other. A connection that breaks is replaced.
func (l load) work(ctx context.Context, conn **conn, caller caller, sent *atomic.Int64) result {
	r := result{errors: make(map[string]int64)}
	for failures := 0; failures < maxErrors && ctx.Err() == nil; {
		n := sent.Add(1) - 1
		if n >= l.count {
			break
		}
		request := caller.request(n)
		start := time.Now()
		status, body, err := (*conn).exchange(request)
		took := time.Since(start)
		kind := "connection"
		if status != 0 {
			kind = caller.judge(n, status, body)
		}
		if kind == "" {
			r.times.add(took)
		} else {
			r.errors[kind]++
			failures++
		}
		if err != nil {
			(*conn).Close()
			next, err := l.dial(ctx)
			if err != nil {
				r.errors["connection"]++
				break
			}
			*conn = next
		}
	}
	return r
}

func (r *result) perSecond() float64 { return float64(r.times.total) / r.elapsed.Seconds() }

// failure answers an error if any answer was wrong.
func (r *result) failure() error {
	if len(r.errors) == 0 && r.times.total > 0 {
		return nil
	}
	return fmt.Errorf("%d right answers, and these wrong ones: %v", r.times.total, r.errors)
}

// report prints a result under a name.
func (r *result) report(w io.Writer, name string) {
	fmt.Fprintf(w, "%s: %d in %s, %.0f/s, p50 %s, p99 %s, p999 %s\n", name, r.times.total,
		r.elapsed.Round(time.Millisecond), r.perSecond(), r.times.quantile(.5), r.times.quantile(.99), r.times.quantile(.999))
	for _, kind := range slices.Sorted(maps.Keys(r.errors)) {
		fmt.Fprintf(w, "  wrong: %d × %s\n", r.errors[kind], kind)
	}
	r.times.bars(w)
}

// MarshalJSON writes a result for other programs; times are in milliseconds.
func (r *result) MarshalJSON() ([]byte, error) {
	milliseconds := func(share float64) float64 { return float64(r.times.quantile(share).Microseconds()) / 1000 }
	counts := make(map[string]int64)
	for i, n := range r.times.counts {
		if n > 0 {
			counts[fmt.Sprint(upper(i))] = n
		}
	}
	return json.Marshal(map[string]any{
		"requests": r.times.total, "seconds": r.elapsed.Seconds(), "per_second": r.perSecond(),
		"p50_ms": milliseconds(.5), "p99_ms": milliseconds(.99), "p999_ms": milliseconds(.999),
		"errors": r.errors, "histogram_us": counts,
	})
}

// print writes results as text or as JSON, in their order, and answers an error if one of them has any.
func print(w io.Writer, format string, names []string, results []*result) error {
	var failures []error
	named := make(map[string]*result)
	for i, r := range results {
		named[names[i]] = r
		if format == "text" {
			r.report(w, names[i])
		}
		if err := r.failure(); err != nil {
			failures = append(failures, fmt.Errorf("%s: %w", names[i], err))
		}
	}
	if format == "json" {
		failures = append(failures, json.NewEncoder(w).Encode(named))
	}
	return errors.Join(failures...)
}
