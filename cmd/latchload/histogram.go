package main

import (
	"fmt"
	"io"
	"math/bits"
	"strings"
	"time"
)

const (
	// Every power of two of microseconds is divided into this many steps, so that a quantile is right to about 3 %.
	stepBits = 5
	steps    = 1 << stepBits
	ranges   = 30 // Up to 2^29 µs, nine minutes.
)

// histogram counts how long answers took.
type histogram struct {
	counts [ranges * steps]int64
	total  int64
}

func (h *histogram) add(took time.Duration) {
	h.counts[step(uint64(max(0, took.Microseconds())))]++
	h.total++
}

func (h *histogram) merge(other *histogram) {
	for i, n := range other.counts {
		h.counts[i] += n
	}
	h.total += other.total
}

// step answers the place of a number of microseconds: exact below 2^stepBits, and then by the leading bits.
func step(micros uint64) int {
	shift := max(0, bits.Len64(micros)-stepBits-1)
	return min(shift*steps+int(micros>>shift), ranges*steps-1)
}

// upper answers the greatest number of microseconds of a place.
func upper(step int) uint64 {
	shift := max(0, step/steps-1)
	return uint64(step-shift*steps+1)<<shift - 1
}

// quantile answers what a share of the answers did not exceed.
func (h *histogram) quantile(share float64) time.Duration {
	rank, seen := int64(share*float64(h.total)), int64(0)
	for i, n := range h.counts {
		if seen += n; seen > rank {
			return time.Duration(upper(i)) * time.Microsecond
		}
	}
	return 0
}

// bars prints the counts by powers of two.
func (h *histogram) bars(w io.Writer) {
	const width = 50
	var sums [ranges]int64
	most := int64(1)
	for i, n := range h.counts {
		power := bits.Len64(upper(i))
		sums[min(power, ranges-1)] += n
		most = max(most, sums[min(power, ranges-1)])
	}
	for power, n := range sums {
		if n > 0 {
			below := time.Duration(1<<power) * time.Microsecond
			fmt.Fprintf(w, "  < %-10s %9d %s\n", below, n, strings.Repeat("#", int((n*width+most-1)/most)))
		}
	}
}
