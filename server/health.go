package server

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"
)

const (
	livePath  = "/livez"
	readyPath = "/readyz"
)

// probeTimeout is how long the readiness probe waits for the database.
const probeTimeout = time.Second

// health says whether the process lives, and whether it should be sent requests.
type health struct {
	probe    func(context.Context) error
	draining atomic.Bool
}

// live answers GET /livez: the process runs. It asks nothing else, since a restart mends no database.
func (h *health) live(c *gin.Context) { writeHealth(c, http.StatusOK, "ok") }

// ready answers GET /readyz: a token could be issued now.
func (h *health) ready(c *gin.Context) {
	if h.draining.Load() {
		writeHealth(c, http.StatusServiceUnavailable, "draining")
		return
	}
	ctx, cancel := context.WithTimeout(c.Request.Context(), probeTimeout)
	defer cancel()
	if err := h.probe(ctx); err != nil {
		c.Error(err)
		writeHealth(c, http.StatusServiceUnavailable, "unavailable")
		return
	}
	writeHealth(c, http.StatusOK, "ok")
}

// leave asks the clients of a draining server to come back on another connection. Closing connections that look
// idle would cut off the requests that are already under way on them.
func (h *health) leave(c *gin.Context) {
	if h.draining.Load() {
		c.Header("Connection", "close")
	}
}

func writeHealth(c *gin.Context, status int, text string) {
	c.Header("Cache-Control", "no-store")
	c.JSON(status, gin.H{"status": text})
}
