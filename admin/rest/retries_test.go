package rest

import (
	"context"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/oauth"
	"github.com/latchkey-auth/latchkey/storage"
)

// storeOf opens an empty database.
func storeOf(t *testing.T, now func() time.Time) *storage.DB {
	t.Helper()
	db, err := storage.Open(t.Context(), storage.Config{
		URL: "sqlite:" + filepath.Join(t.TempDir(), "latchkey.db"), MasterKey: make([]byte, 32), Now: now,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return db
}

// TestIdempotent sends one request again and again, to a handler that answers each time otherwise.
func TestIdempotent(t *testing.T) {
	now := func() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }
	issuer, err := oauth.NewIssuer(oauth.Config{URL: "http://issuer.example", MaxLifetime: time.Hour, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	api := New(Config{Issuer: issuer, Retries: admin.Retries{Store: storeOf(t, now), Now: now}})
	gin.SetMode(gin.TestMode)
	for name, test := range map[string]struct {
		first http.HandlerFunc
		kept  bool
	}{
		"made":        {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusCreated) }, true},
		"refused":     {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusConflict) }, true},
		"unavailable": {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "later", http.StatusServiceUnavailable) }, false},
		"broken":      {func(w http.ResponseWriter, _ *http.Request) { panic("broken") }, false},
		"broken halfway": {func(w http.ResponseWriter, _ *http.Request) {
			w.Write([]byte("half"))
			panic("broken")
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			done := 0
			router := gin.New()
			router.Use(gin.CustomRecoveryWithWriter(nil, func(c *gin.Context, _ any) { c.AbortWithStatus(http.StatusInternalServerError) }))
			router.Use(func(c *gin.Context) { c.Set(actorKey, admin.Actor{Kind: admin.ActorClient, ID: name}) })
			router.POST("/", api.Idempotent, func(c *gin.Context) {
				if done++; done == 1 {
					test.first(c.Writer, c.Request)
					return
				}
				c.Header("ETag", `"2"`)
				c.String(http.StatusCreated, "again")
			})
			send := func(ctx context.Context) *httptest.ResponseRecorder {
				request := httptest.NewRequestWithContext(ctx, http.MethodPost, "/", strings.NewReader("{}"))
				request.Header.Set("Idempotency-Key", "Xk2mQ9vB4nR7tY1w")
				answer := httptest.NewRecorder()
				router.ServeHTTP(answer, request)
				return answer
			}
			first, second, third := send(t.Context()), send(t.Context()), send(t.Context())
			if test.kept && (done != 1 || second.Code != first.Code || second.Body.String() != first.Body.String()) {
				t.Errorf("done %d times: %d %q, %d %q", done, first.Code, first.Body, second.Code, second.Body)
			}
			if !test.kept && (done != 2 || first.Code < 500 || first.Body.String() == "half" || second.Body.String() != "again") {
				t.Errorf("done %d times: %d %q, %d %q", done, first.Code, first.Body, second.Code, second.Body)
			}
			if third.Body.String() != second.Body.String() || third.Header().Get("ETag") != second.Header().Get("ETag") ||
				third.Header().Get("Content-Type") != second.Header().Get("Content-Type") || third.Header().Get("Idempotent-Replayed") != "true" {
				t.Errorf("the third time: %d %v %q", third.Code, third.Header(), third.Body)
			}
		})
	}

	t.Run("the caller leaves", func(t *testing.T) {
		ctx, leave := context.WithCancel(t.Context())
		done := 0
		router := gin.New()
		router.Use(func(c *gin.Context) { c.Set(actorKey, admin.Actor{Kind: admin.ActorClient, ID: "leaver"}) })
		router.POST("/", api.Idempotent, func(c *gin.Context) {
			done++
			leave()
			c.Status(http.StatusCreated)
		})
		for _, ctx := range []context.Context{ctx, t.Context()} {
			request := httptest.NewRequestWithContext(ctx, http.MethodPost, "/", nil)
			request.Header.Set("Idempotency-Key", "Xk2mQ9vB4nR7tY1w")
			router.ServeHTTP(httptest.NewRecorder(), request)
		}
		if done != 1 {
			t.Errorf("it was done %d times", done)
		}
	})
}
