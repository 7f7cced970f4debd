package console

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"html"
	"io/fs"
	"net/http"
	"os"
	"path"
	"strings"
	"sync"

	"github.com/gin-gonic/gin"
	"github.com/tdewolff/minify/v2"
	"github.com/tdewolff/minify/v2/css"
	"github.com/tdewolff/minify/v2/js"
)

//go:embed static/*.html static/*.css static/*.svg static/*.js static/vendor/*.js
var static embed.FS

// Console serves the files of the screen. They never change while it lives, unless it reads them from a folder.
type Console struct {
	current   func() (*assets, error)
	immutable bool
	// provider is what people call where they may sign in, too; empty for none.
	provider string
}

// New makes a Console of the embedded files. People may also sign in at the provider of that name, if it is not empty.
// Whoever asks first waits while the files are made smaller, for a third of what the whole program takes to start.
func New(provider string) *Console {
	return &Console{immutable: true, provider: provider, current: sync.OnceValues(func() (*assets, error) {
		files, err := fs.Sub(static, "static")
		if err != nil {
			return nil, err
		}
		return load(files, newMinifier())
	})}
}

// NewFromFolder makes a Console that reads the files from a folder at each request, for those who write them. It serves
// them as they are.
func NewFromFolder(folder, provider string) (*Console, error) {
	screen := &Console{provider: provider, current: func() (*assets, error) { return load(os.DirFS(folder), nil) }}
	_, err := screen.current()
	return screen, err
}

// assets are all files at one moment. The hash is over their names and contents, so that a URL with it never means
// anything else.
type assets struct {
	hash  string
	page  []byte
	files map[string]asset
}

type asset struct {
	contentType   string
	plain, zipped []byte
}

// contentTypes are those of the files that are served. Others in the folder, such as the licences, are not.
var contentTypes = map[string]string{
	".css":  "text/css; charset=utf-8",
	".html": "text/html; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
}

// page is the one file that is not immutable. It names the others below placeholder.
const (
	page        = "index.html"
	placeholder = "a/hash/"
)

func load(files fs.FS, minifier *minify.M) (*assets, error) {
	loaded := &assets{files: make(map[string]asset)}
	sum := sha256.New()
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		contentType, served := contentTypes[path.Ext(name)]
		if err != nil || entry.IsDir() || !served {
			return err
		}
		content, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		fmt.Fprintf(sum, "%s %d\n%s", name, len(content), content)
		if name == page {
			loaded.page = content
			return nil
		}
		if content, err = lean(minifier, name, content); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		zipped, err := zip(content)
		loaded.files[name] = asset{contentType, content, zipped}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading the console: %w", err)
	}
	if loaded.page == nil {
		return nil, fmt.Errorf("reading the console: there is no %s", page)
	}
	loaded.hash = hex.EncodeToString(sum.Sum(nil)[:8])
	loaded.page = bytes.ReplaceAll(loaded.page, []byte(placeholder), []byte("a/"+loaded.hash+"/"))
	return loaded, nil
}

// newMinifier makes what takes from the files that which only who reads them needs: comments, types, indentation, and the
// names of what is local: a quarter of the weight. The stories in a browser run on what it leaves.
func newMinifier() *minify.M {
	minifier := minify.New()
	minifier.Add(".js", &js.Minifier{})
	minifier.Add(".css", &css.Minifier{})
	return minifier
}

// lean leaves a file out of which nothing can be taken as it is. So does a nil minifier.
func lean(minifier *minify.M, name string, content []byte) ([]byte, error) {
	if minifier == nil {
		return content, nil
	}
	shorter, err := minifier.Bytes(path.Ext(name), content)
	if errors.Is(err, minify.ErrNotExist) {
		return content, nil
	}
	return shorter, err
}

func zip(content []byte) ([]byte, error) {
	var zipped bytes.Buffer
	writer, err := gzip.NewWriterLevel(&zipped, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := writer.Write(content); err != nil {
		return nil, err
	}
	err = writer.Close()
	return zipped.Bytes(), err
}

// Redirect answers GET /console: the names in the page are relative to /console/.
func (k *Console) Redirect(c *gin.Context) {
	c.Header("Location", "console/")
	c.Status(http.StatusPermanentRedirect)
}

// Page answers GET /console/. It is read anew each time, for it says which files belong together.
func (k *Console) Page(c *gin.Context) {
	assets, err := k.current()
	if err != nil {
		c.Error(err)
		return
	}
	protect(c.Writer.Header())
	c.Header("Cache-Control", "no-store")
	c.Data(http.StatusOK, contentTypes[".html"], k.withProvider(assets.page))
}

// withProvider tells the page where else people may sign in.
func (k *Console) withProvider(page []byte) []byte {
	if k.provider == "" {
		return page
	}
	const before = "<title>"
	return bytes.Replace(page, []byte(before), []byte(`<meta name="oidc" content="`+html.EscapeString(k.provider)+`">`+"\n"+before), 1)
}

// File answers a file below /console/a/{hash}/, in the folder that the route names. One of another hash is not found:
// modules of two versions do not fit together.
func (k *Console) File(folder string) gin.HandlerFunc {
	return func(c *gin.Context) {
		assets, err := k.current()
		if err != nil {
			c.Error(err)
			return
		}
		file, exists := assets.files[path.Join(folder, c.Param("file"))]
		protect(c.Writer.Header())
		if !exists || k.immutable && c.Param("hash") != assets.hash {
			c.Header("Cache-Control", "no-store")
			c.String(http.StatusNotFound, "There is no such file in this version of the console. Reload the page.\n")
			return
		}
		c.Header("Cache-Control", "public, max-age=31536000, immutable")
		if !k.immutable {
			c.Header("Cache-Control", "no-store")
		}
		c.Header("Vary", "Accept-Encoding")
		if strings.Contains(c.GetHeader("Accept-Encoding"), "gzip") {
			c.Header("Content-Encoding", "gzip")
			c.Data(http.StatusOK, file.contentType, file.zipped)
			return
		}
		c.Data(http.StatusOK, file.contentType, file.plain)
	}
}

// protect sets the headers of OWASP ASVS 5.0, chapter 3.4, that the server does not set for every answer. Nothing is
// loaded, run, framed or sent but by and to this origin; a script may write no markup (Trusted Types).
func protect(header http.Header) {
	header.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "+
		"connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; "+
		"require-trusted-types-for 'script'; trusted-types 'none'")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	header.Set("Permissions-Policy", "camera=(), clipboard-read=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()")
	header.Set("X-Frame-Options", "DENY") // For browsers that do not know frame-ancestors.
}
