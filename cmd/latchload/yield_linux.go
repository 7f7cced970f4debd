package main

import (
	"runtime"
	"syscall"
)

// yield lets every other goroutine go first, and whatever else the core is for, which is the database.
func yield() {
	syscall.RawSyscall(syscall.SYS_SCHED_YIELD, 0, 0, 0)
	runtime.Gosched()
}
