package rest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
)

// TestEveryProblemIsExplained reads the sources of all who answer problems.
func TestEveryProblemIsExplained(t *testing.T) {
	used := make(map[string]bool)
	for _, pattern := range []string{"*.go", "../../server/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(file, func(node ast.Node) bool {
				if literal, ok := node.(*ast.CompositeLit); ok && isProblem(literal.Type) {
					kind := field(t, literal, "Type")
					used[kind] = true
					if explanations[kind].Title == "" {
						t.Errorf("%s: problem %q is not explained", name, kind)
					}
				}
				return true
			})
		}
	}
	if len(used) == 0 {
		t.Fatal("no problem was found in the sources")
	}
	for kind := range maps.Keys(explanations) {
		if !used[kind] {
			t.Errorf("problem %q is explained but never answered", kind)
		}
	}
}

// isProblem recognizes Problem and rest.Problem.
func isProblem(expression ast.Expr) bool {
	if selector, ok := expression.(*ast.SelectorExpr); ok {
		expression = selector.Sel
	}
	name, ok := expression.(*ast.Ident)
	return ok && name.Name == "Problem"
}

func field(t *testing.T, literal *ast.CompositeLit, name string) string {
	for _, element := range literal.Elts {
		pair, ok := element.(*ast.KeyValueExpr)
		if !ok || pair.Key.(*ast.Ident).Name != name {
			continue
		}
		basic, ok := pair.Value.(*ast.BasicLit)
		if !ok {
			t.Fatalf("%s of a problem is not written as a string", name)
		}
		text, err := strconv.Unquote(basic.Value)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	return ""
}

func TestProblemPage(t *testing.T) {
	gin.SetMode(gin.TestMode)
	router := gin.New()
	router.GET("/problems/:type", (&API{}).ProblemPage)
	for _, test := range []struct {
		kind   string
		status int
		says   string
	}{
		{"stale", http.StatusOK, "<h1>Somebody changed it meanwhile</h1>"},
		{"nonsense", http.StatusNotFound, `<a href="stale">Somebody changed it meanwhile</a>`},
		{"%3Cscript%3E", http.StatusNotFound, "<h1>Unknown problem</h1>"},
	} {
		t.Run(test.kind, func(t *testing.T) {
			answer := httptest.NewRecorder()
			router.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/problems/"+test.kind, nil))
			body := answer.Body.String()
			if answer.Code != test.status || !strings.Contains(body, test.says) {
				t.Errorf("answered %d, want %d with %s:\n%s", answer.Code, test.status, test.says, body)
			}
			if strings.Contains(body, "script") || strings.Contains(body, "style") {
				t.Errorf("the page holds what its policy forbids:\n%s", body)
			}
			if got := answer.Header().Get("Content-Security-Policy"); !strings.HasPrefix(got, "default-src 'none'") {
				t.Errorf("Content-Security-Policy: %q", got)
			}
			if got := answer.Header().Get("Content-Type"); got != "text/html; charset=utf-8" {
				t.Errorf("Content-Type: %q", got)
			}
		})
	}
}
