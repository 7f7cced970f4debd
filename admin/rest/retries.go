package rest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json"

	"github.com/latchkey-auth/latchkey/admin"
)

// The lengths of an Idempotency-Key. Sixteen characters are the least that could hold 128 random bits, which is what
// keeps a stored answer from whoever reads the database.
const (
	minIdempotencyKey = 16
	maxIdempotencyKey = 255
)

// keepTimeout bounds what is done for a request after it has been answered.
const keepTimeout = 5 * time.Second

// answer is a response as it is kept for whoever repeats the request.
type answer struct {
	Status int
	Header map[string]string
	Body   []byte
}

// keptHeaders are the headers that belong to an answer, and not to the request it answers.
var keptHeaders = []string{"Content-Type", "Cache-Control", "ETag", "Location", "WWW-Authenticate", "Retry-After"}

// Idempotent lets a request be repeated without being done twice, if it carries an Idempotency-Key. It stands before
// the handler of every POST that makes something. A dry run makes nothing, and is not remembered; nor is an answer of
// 500 and more, after which the request may be tried again.
func (a *API) Idempotent(c *gin.Context) {
	keys := c.Request.Header.Values("Idempotency-Key")
	if len(keys) == 0 || c.Query("dry_run") == "true" {
		return
	}
	key := strings.Join(keys, ",")
	hidden := func(char rune) bool { return char < 0x21 || char > 0x7e }
	if len(keys) > 1 || len(key) < minIdempotencyKey || len(key) > maxIdempotencyKey || strings.ContainsFunc(key, hidden) {
		a.malformed(c, "Idempotency-Key", "invalid", "the key must be 16 to 255 visible ASCII characters, and random: 128 bits or more")
		return
	}
	body, err := io.ReadAll(c.Request.Body)
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		a.fail(c, err)
		return
	case err != nil:
		a.malformed(c, "", "unreadable", "the body could not be read to its end")
		return
	}
	c.Request.Body = io.NopCloser(bytes.NewReader(body))
	attempt, kept, err := a.retries.Begin(c.Request.Context(), actorOf(c), key, textOf(c.Request, body))
	switch {
	case err != nil:
		a.fail(c, err)
	case attempt == nil:
		a.replay(c, kept)
	default:
		a.attempt(c, attempt)
	}
}

// textOf answers all of a request that makes it another one. The first line cannot hold the end of a line.
func textOf(request *http.Request, body []byte) []byte {
	return append([]byte(request.Method+" "+request.URL.RequestURI()+"\n"), body...)
}

// attempt does the request. Its answer is kept before it is sent: whoever has not received it can ask again.
func (a *API) attempt(c *gin.Context, attempt *admin.Attempt) {
	recorder := &recorder{ResponseWriter: c.Writer, status: http.StatusOK}
	c.Writer = recorder
	returned := false
	defer func() {
		c.Writer = recorder.ResponseWriter
		// The caller may be gone, and its request at an end. What was done was done.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Request.Context()), keepTimeout)
		defer cancel()
		var err error
		if returned && recorder.status < http.StatusInternalServerError {
			err = attempt.Keep(ctx, recorder.text())
		} else {
			err = attempt.GiveUp(ctx)
		}
		if err != nil {
			c.Error(err)
		}
		if returned { // After a panic the answer is another's.
			recorder.send()
		}
	}()
	c.Next()
	returned = true
}

// replay sends what was answered before.
func (a *API) replay(c *gin.Context, text []byte) {
	var kept answer
	if err := json.Unmarshal(text, &kept); err != nil {
		a.fail(c, err)
		return
	}
	for name, value := range kept.Header {
		c.Header(name, value)
	}
	c.Header("Idempotent-Replayed", "true")
	c.Abort()
	c.Status(kept.Status)
	c.Writer.WriteHeaderNow()
	c.Writer.Write(kept.Body)
}

// recorder holds an answer back.
type recorder struct {
	gin.ResponseWriter
	status int
	body   bytes.Buffer
}

func (r *recorder) WriteHeader(status int)               { r.status = status }
func (r *recorder) WriteHeaderNow()                      {}
func (r *recorder) Write(text []byte) (int, error)       { return r.body.Write(text) }
func (r *recorder) WriteString(text string) (int, error) { return r.body.WriteString(text) }
func (r *recorder) Status() int                          { return r.status }
func (r *recorder) Size() int                            { return r.body.Len() }
func (r *recorder) Written() bool                        { return r.body.Len() > 0 }

// text writes the answer as it is kept.
func (r *recorder) text() []byte {
	kept := answer{Status: r.status, Header: make(map[string]string), Body: r.body.Bytes()}
	for _, name := range keptHeaders {
		if value := r.Header().Get(name); value != "" {
			kept.Header[name] = value
		}
	}
	text, _ := json.Marshal(kept) // A number, strings and bytes always marshal.
	return text
}

// send sends the answer.
func (r *recorder) send() {
	r.ResponseWriter.WriteHeader(r.status)
	r.ResponseWriter.WriteHeaderNow()
	r.ResponseWriter.Write(r.body.Bytes())
}
