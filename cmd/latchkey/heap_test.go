package main

import (
	"context"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"
	"time"
)

func TestHeapPercent(t *testing.T) {
	for alive, want := range map[uint64]int{
		0: 400, 1 << 20: 400, 3 << 20: 400, 4 << 20: 300, 5 << 20: 220, 8 << 20: 100, 20 << 20: 100, 1 << 30: 100,
	} {
		if got := heapPercent(alive); got != want {
			t.Errorf("with %d MiB alive the heap grows by %d %%, want %d", alive>>20, got, want)
		}
	}
}

// TestHeapStaysRoomy: that the heap has grown is noticed, and that it has shrunk again.
func TestHeapStaysRoomy(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	defer cancel()
	keepHeapRoomy(ctx)

	become := func(what string, right func(percent uint64) bool) {
		t.Helper()
		var gogc []metrics.Sample
		for range 500 {
			runtime.GC()
			gogc = []metrics.Sample{{Name: "/gc/gogc:percent"}}
			if metrics.Read(gogc); right(gogc[0].Value.Uint64()) {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Errorf("a heap that %s grows by %d %%", what, gogc[0].Value.Uint64())
	}
	become("is small", func(percent uint64) bool { return percent > 100 })
	much := make([]byte, roomyHeap)
	become("has grown", func(percent uint64) bool { return percent == 100 })
	runtime.KeepAlive(much)
	become("has shrunk", func(percent uint64) bool { return percent > 100 })
}
