package console

import (
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
)

// maxZipped is what the whole console may weigh, compressed, on its way to a browser.
const maxZipped = 60 << 10

func TestWeight(t *testing.T) {
	files := embedded(t)
	page, err := zip(files.page)
	if err != nil {
		t.Fatal(err)
	}
	total := len(page)
	for name, file := range files.files {
		t.Logf("%6d %s", len(file.zipped), name)
		total += len(file.zipped)
	}
	t.Logf("%6d in all", total)
	if total > maxZipped {
		t.Errorf("the console weighs %d bytes, more than %d", total, maxZipped)
	}
}

// TestNames holds that whatever a module or the page names exists, and that every file is named by some other.
func TestNames(t *testing.T) {
	files := embedded(t)
	named := map[string]bool{}
	note := func(name string) {
		named[name] = true
		if _, exists := files.files[name]; !exists {
			t.Errorf("there is no %s", name)
		}
	}
	for _, match := range regexp.MustCompile(`(?:src|href)="a/[0-9a-f]+/([^"]+)"`).FindAllStringSubmatch(string(files.page), -1) {
		note(match[1])
	}
	for name, file := range files.files {
		if strings.HasPrefix(name, "vendor/") || !strings.HasSuffix(name, ".js") {
			continue
		}
		for _, match := range regexp.MustCompile(`import[^;"]*"\./([^"]+)"|new URL\("([\w.]+\.svg)",import`).FindAllStringSubmatch(string(file.plain), -1) {
			note(match[1] + match[2])
		}
	}
	for name := range files.files {
		if !named[name] {
			t.Errorf("nothing names %s", name)
		}
	}
}

// TestNothingInline holds that the page needs no script, style or handler that the policy would forbid.
func TestNothingInline(t *testing.T) {
	files := embedded(t)
	if found := regexp.MustCompile(`<style|<script>|\son\w+=|\sstyle=|javascript:`).Find(files.page); found != nil {
		t.Errorf("the page holds %s", found)
	}
	for name, file := range files.files {
		if found := regexp.MustCompile(`dangerouslySetInnerHTML|\.innerHTML|\beval\(|new Function|sessionStorage|indexedDB|document\.cookie`).Find(file.plain); found != nil && !strings.HasPrefix(name, "vendor/") {
			t.Errorf("%s holds %s", name, found)
		}
	}
}

func TestServing(t *testing.T) {
	screen := New("")
	assets, err := screen.current()
	if err != nil {
		t.Fatal(err)
	}
	get := serve(screen)
	page := get("/under/a/path/console/", "")
	policy := page.Header().Get("Content-Security-Policy")
	if page.Header().Get("Cache-Control") != "no-store" || !strings.Contains(policy, "frame-ancestors 'none'") || strings.Contains(policy, "unsafe") {
		t.Errorf("the page has the headers %v", page.Header())
	}
	file := "/under/a/path/console/a/" + assets.hash + "/app.js"
	plain, zipped := get(file, ""), get(file, "br, gzip")
	if plain.Code != http.StatusOK || plain.Header().Get("Content-Encoding") != "" || !strings.Contains(plain.Body.String(), "import") {
		t.Errorf("app.js: %d %v", plain.Code, plain.Header())
	}
	if zipped.Header().Get("Content-Encoding") != "gzip" || zipped.Body.Len() >= plain.Body.Len() || zipped.Header().Get("Vary") != "Accept-Encoding" {
		t.Errorf("app.js, compressed: %d bytes, %v", zipped.Body.Len(), zipped.Header())
	}
	if got := get("/under/a/path/console", "").Header().Get("Location"); got != "console/" {
		t.Errorf("the place without a slash leads to %q", got)
	}
	for _, absent := range []string{
		"a/0000000000000000/app.js", "a/" + assets.hash + "/none.js", "a/" + assets.hash + "/vendor/app.js",
		"a/" + assets.hash + "/vendor.txt", "a/" + assets.hash + "/..%2fdoc.go",
	} {
		if got := get("/under/a/path/console/"+absent, ""); got.Code != http.StatusNotFound {
			t.Errorf("%s: %d", absent, got.Code)
		}
	}
}

// TestFromFolder holds that a change in the folder is served at the next request, and never kept.
func TestFromFolder(t *testing.T) {
	folder := t.TempDir()
	if err := os.CopyFS(folder, os.DirFS("static")); err != nil {
		t.Fatal(err)
	}
	screen, err := NewFromFolder(folder, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "words.js"), []byte("changed"), 0o600); err != nil {
		t.Fatal(err)
	}
	got := serve(screen)("/under/a/path/console/a/any/words.js", "")
	if got.Body.String() != "changed" || got.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%q %v", got.Body, got.Header())
	}
	if _, err := NewFromFolder(t.TempDir(), ""); err == nil {
		t.Error("an empty folder is a console")
	}
}

// serve routes to the console as the server does, under an issuer with a path.
func serve(screen *Console) func(path, encoding string) *httptest.ResponseRecorder {
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	root := engine.Group("/under/a/path")
	root.GET("/console", screen.Redirect)
	root.GET("/console/", screen.Page)
	root.GET("/console/a/:hash/:file", screen.File(""))
	root.GET("/console/a/:hash/vendor/:file", screen.File("vendor"))
	return func(path, encoding string) *httptest.ResponseRecorder {
		request := httptest.NewRequest(http.MethodGet, path, nil)
		request.Header.Set("Accept-Encoding", encoding)
		answer := httptest.NewRecorder()
		engine.ServeHTTP(answer, request)
		return answer
	}
}

func embedded(t *testing.T) *assets {
	files, err := fs.Sub(static, "static")
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := load(files, newMinifier())
	if err != nil {
		t.Fatal(err)
	}
	return loaded
}
