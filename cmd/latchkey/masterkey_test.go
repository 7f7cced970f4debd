package main

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// TestDevMasterKey lets many make the key at once: all must get the same, and nobody half of it.
func TestDevMasterKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data", "master.key")
	keys := make([]secret, 20)
	var makers sync.WaitGroup
	for i := range keys {
		makers.Go(func() {
			var err error
			if keys[i], err = devMasterKey(path); err != nil {
				t.Error(err)
			}
		})
	}
	makers.Wait()
	for _, key := range keys {
		if key != keys[0] {
			t.Fatal("two makers got different keys")
		}
	}
	if _, err := parseMasterKey("--master-key", keys[0]); err != nil {
		t.Error(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v, %v", info.Mode(), err)
	}
	if left, _ := filepath.Glob(path + ".*"); left != nil {
		t.Errorf("left behind: %v", left)
	}
}

func TestWeakMasterKey(t *testing.T) {
	for _, text := range []secret{
		"", "short", "0000000000000000000000000000000000000000000000000000000000000000",
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "MDAxMTAwMTEwMDExMDAxMTAwMTEwMDExMDAxMTAwMTE=",
	} {
		if _, err := parseMasterKey("--master-key", text); err == nil || !strings.Contains(err.Error(), "openssl rand") {
			t.Errorf("%q: %v", text, err)
		}
	}
}
