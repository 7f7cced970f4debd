package bearer_test

import (
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/latchkey-auth/latchkey/oauth/bearer"
	"github.com/latchkey-auth/latchkey/oauth/bearer/bearertest"
)

// requireInGin is bearer.Require for gin: the place is the parameter :workspace.
func requireInGin(verifier *bearer.Verifier, permission string) gin.HandlerFunc {
	return func(c *gin.Context) {
		workspace := func(*http.Request) string { return c.Param("workspace") }
		let := false
		next := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { let, c.Request = true, r })
		verifier.Authenticate(bearer.Require(permission, bearer.In(workspace))(next)).ServeHTTP(c.Writer, c.Request)
		if !let {
			c.Abort()
		}
	}
}

// With gin, a middleware of six lines stands before each route.
func Example_gin() {
	issuer := bearertest.Start()
	defer issuer.Close()
	verifier, err := bearer.New(issuer.Config())
	if err != nil {
		fmt.Println(err)
		return
	}
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	engine.GET("/workspaces/:workspace/profiles", requireInGin(verifier, "profile:read"), func(c *gin.Context) {
		c.String(http.StatusOK, "profiles for %s", bearer.FromContext(c.Request.Context()).ClientID)
	})

	token := issuer.Token(bearertest.Allow("profile:read", bearer.Places{Workspaces: []string{"ws_eu"}}))
	fmt.Println(get(engine, "/workspaces/ws_eu/profiles", token).Body)
	fmt.Println(get(engine, "/workspaces/ws_us/profiles", token).Code)
	fmt.Println(get(engine, "/workspaces/ws_eu/profiles", "").Code)
	// Output:
	// profiles for cid_test
	// 404
	// 401
}
