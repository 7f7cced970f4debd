package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets tests run the program itself, as the command latchkey.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"latchkey": main})
}
