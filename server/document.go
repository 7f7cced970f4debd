package server

import (
	_ "embed"
	"net/http"

	"github.com/gin-gonic/gin"
)

// openAPI is the document of all routes. It stands beside them, and at the top of the repository as a link, for a file
// is embedded from the folder of its package alone.
//
//go:embed openapi.yaml
var openAPI []byte

// document answers GET /openapi.yaml (RFC 9512 registers its type). Pages of any origin may read it.
func document(c *gin.Context) {
	c.Header("Access-Control-Allow-Origin", "*")
	c.Data(http.StatusOK, "application/yaml", openAPI)
}
