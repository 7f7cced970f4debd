//go:build !linux

package storagetest

import (
	"errors"
	"syscall"
)

func dieWithParent(*syscall.SysProcAttr) {}

func childrenOf(int) ([]int, error) { return nil, errors.ErrUnsupported }
