package main

import (
	"context"
	"os"
	"os/exec"
	"runtime"
	"strconv"
)

// The server has a core of its own, and all else, the database too, has another.
const (
	serverCore = "0"
	loadCore   = "1"
)

// canPin reports whether processes can be bound to the two cores.
func canPin() bool {
	_, err := exec.LookPath("taskset")
	return err == nil && runtime.NumCPU() > 1
}

// pinSelf binds this process, and what it starts from now on, to the core of the load.
func pinSelf() error {
	if !canPin() {
		return nil
	}
	runtime.GOMAXPROCS(1)
	return exec.Command("taskset", "--all-tasks", "--cpu-list", "--pid", loadCore, strconv.Itoa(os.Getpid())).Run()
}

// onServerCore makes a command that runs on the core of the server, with one thread of Go.
func onServerCore(ctx context.Context, program string, args ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, program, args...)
	if canPin() {
		command = exec.CommandContext(ctx, "taskset", append([]string{"--cpu-list", serverCore, program}, args...)...)
	}
	command.Env = append(os.Environ(), "GOMAXPROCS=1")
	return command
}
