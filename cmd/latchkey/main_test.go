package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/latchkey-auth/latchkey/storage/storagetest"
)

var sharedPostgres storagetest.Shared

// TestMain lets tests run the program itself, as the command latchkey.
func TestMain(m *testing.M) {
	testscript.Main(tests{m}, map[string]func(){"latchkey": main})
}

type tests struct{ m *testing.M }

func (t tests) Run() int { return sharedPostgres.Main(t.m) }
