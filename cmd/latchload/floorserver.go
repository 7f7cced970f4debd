package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"syscall"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/latchkey-auth/latchkey/oauth"
)

const (
	floorAnswer   = 600 // Bytes.
	signedBytes   = 420 // Of header and claims of a small token.
	signaturePath = "/signature"
	signedPath    = "/signed" + oauth.TokenPath
	processorPath = "/processor"
	signingTime   = 300 * time.Millisecond
)

// floorServerCommand is latchload floor-server, which latchload floor starts on the core of the server.
type floorServerCommand struct{}

// Run serves the floors until its standard input ends, and prints where.
func (floorServerCommand) Run(ctx context.Context, stdout io.Writer) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	answer := bytes.Repeat([]byte{' '}, floorAnswer)
	bare := func(c *gin.Context) {
		if c.PostForm("grant_type") == "" {
			c.Status(http.StatusBadRequest)
			return
		}
		c.Data(http.StatusOK, "application/json", answer)
	}
	sign := newSignature()
	engine.POST(oauth.TokenPath, bare)
	engine.POST(signedPath, func(c *gin.Context) {
		sign()
		bare(c)
	})
	engine.GET(signaturePath, func(c *gin.Context) { c.JSON(http.StatusOK, measureSignature()) })
	engine.GET(processorPath, func(c *gin.Context) { c.JSON(http.StatusOK, processorTime()) })
	server := &http.Server{Handler: engine}
	go func() {
		io.Copy(io.Discard, os.Stdin)
		server.Close()
	}()
	fmt.Fprintln(stdout, "http://"+listener.Addr().String())
	if err := server.Serve(listener); err != http.ErrServerClosed {
		return err
	}
	return nil
}

// cost is what something takes by the clock, and of the processor.
type cost struct{ Clock, Processor time.Duration }

// newSignature answers what makes one P-256 signature: SHA-256 and the signature, and nothing else.
func newSignature() func() {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err) // crypto/rand never fails.
	}
	message := make([]byte, signedBytes)
	return func() {
		sum := sha256.Sum256(message)
		if _, err := ecdsa.SignASN1(rand.Reader, key, sum[:]); err != nil {
			panic(err)
		}
	}
}

// measureSignature measures signatures one after the other.
func measureSignature() cost {
	sign := newSignature()
	start, before, n := time.Now(), processorTime(), time.Duration(0)
	for time.Since(start) < signingTime {
		for range 16 {
			sign()
		}
		n += 16
	}
	return cost{time.Since(start) / n, (processorTime() - before) / n}
}

// processorTime answers how long this process has run on processors.
func processorTime() time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		panic(err) // It fails for other arguments alone.
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
