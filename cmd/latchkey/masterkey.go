package main

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"crypto/rand"
)

const masterKeyBytes = 32

// masterKey answers the master key. With --dev, and none given, it is in a file beside the database.
func (o *options) masterKey() ([]byte, error) {
	if o.MasterKey == "" {
		database, _ := o.sqliteFile()
		var err error
		if o.MasterKey, err = devMasterKey(filepath.Join(filepath.Dir(database), "master.key")); err != nil {
			return nil, fmt.Errorf("making a master key: %w", err)
		}
	}
	return parseMasterKey("--master-key", o.MasterKey)
}

// previousMasterKeys answers the master key before this one, if there is one.
func (o *options) previousMasterKeys() ([][]byte, error) {
	if o.PreviousMasterKey == "" {
		return nil, nil
	}
	key, err := parseMasterKey("--previous-master-key", o.PreviousMasterKey)
	return [][]byte{key}, err
}

func parseMasterKey(option string, text secret) ([]byte, error) {
	trimmed := strings.TrimSpace(string(text))
	for _, decode := range []func(string) ([]byte, error){
		hex.DecodeString,
		base64.StdEncoding.DecodeString, base64.RawStdEncoding.DecodeString,
		base64.URLEncoding.DecodeString, base64.RawURLEncoding.DecodeString,
	} {
		key, err := decode(trimmed)
		switch {
		case err != nil || len(key) != masterKeyBytes:
		case weak(key):
			return nil, fmt.Errorf("%s is not random: make one with `openssl rand -base64 32`", option)
		default:
			return key, nil
		}
	}
	return nil, fmt.Errorf("%s must be %d bytes in base64 or hex: make one with `openssl rand -base64 32`", option, masterKeyBytes)
}

// weak reports whether a key cannot be random: of 32 random bytes, all but a few are different.
func weak(key []byte) bool {
	different := make(map[byte]bool)
	for _, b := range key {
		different[b] = true
	}
	return len(different) < 16
}

// devMasterKey answers the key in the file, and makes the file if there is none. It is whole from the moment it has
// its name, and has one content for all who start at once: the first link wins.
func devMasterKey(path string) (secret, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", err
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := makeMasterKey(path); err != nil {
			return "", err
		}
		text, err = os.ReadFile(path)
	}
	return secret(text), err
}

func makeMasterKey(path string) error {
	var key [masterKeyBytes]byte
	rand.Read(key[:])                                               // It never fails.
	draft, err := os.CreateTemp(filepath.Dir(path), "master.key.*") // Readable by its owner alone.
	if err != nil {
		return err
	}
	defer os.Remove(draft.Name())
	_, err = draft.WriteString(base64.StdEncoding.EncodeToString(key[:]) + "\n")
	if err := errors.Join(err, draft.Sync(), draft.Close()); err != nil {
		return err
	}
	if err := os.Link(draft.Name(), path); !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}
