package main

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/latchkey-auth/latchkey/"

// doors are the rooms of the house, and which of them each may enter. No other door exists.
var doors = map[string][]string{
	"oauth/bearer":            {},
	"oauth/bearer/bearertest": {"oauth/bearer"},
	"oauth":                   {"oauth/bearer"},
	"oauth/endpoint":          {"oauth"},
	"oauth/remotekeys":        {"oauth"},
	"admin":                   {"oauth", "oauth/bearer"},
	"admin/upstream":          {"admin"},
	"admin/rest":              {"admin", "admin/upstream", "oauth", "oauth/bearer"},
	"admin/console":           {"admin"},
	"storage":                 {"admin", "oauth"},
	"storage/storagetest":     {"admin", "oauth"},
	"storage/vault":           {"oauth"},
	"storage/vault/vaulttest": {},
	"storage/pkcs11":          {"oauth"},
	"server":                  {"oauth", "oauth/endpoint", "admin/rest", "admin/console"},
	"deploy":                  {},
	"cmd/latchkey/cli":        {}, // It speaks HTTP to a server, like curl, and shares nothing with it.
	"cmd/latchkey":            {"oauth", "oauth/endpoint", "oauth/remotekeys", "admin", "admin/rest", "admin/upstream", "admin/console", "storage", "storage/vault", "storage/pkcs11", "server", "deploy", "cmd/latchkey/cli"},
	"cmd/latchload":           {"oauth", "admin", "storage", "storage/storagetest"},
}

// keepers are the rooms that alone may use a library.
var keepers = map[string][]string{
	"github.com/gin-gonic/gin":     {"oauth/endpoint", "admin/rest", "admin/console", "server", "cmd/latchload"},
	"github.com/go-oauth2/oauth2":  {"oauth"},
	"database/sql":                 {"storage", "storage/storagetest"},
	"github.com/jmoiron/sqlx":      {"storage"},
	"github.com/lib/pq":            {"storage", "storage/storagetest"},
	"modernc.org/sqlite":           {"storage"},
	"github.com/pressly/goose":     {"storage"},
	"github.com/hashicorp/vault":   {"storage/vault"},
	"github.com/ThalesGroup":       {"storage/pkcs11"},
	"github.com/prometheus":        {"server"},
	"go.opentelemetry.io":          {"server"},
	"github.com/coreos/go-oidc":    {"admin/upstream"},
	"golang.org/x/oauth2":          {"admin/upstream", "cmd/latchkey/cli"},
	"github.com/alecthomas/kong":   {"cmd/latchkey", "cmd/latchkey/cli", "cmd/latchload"},
	"github.com/google/go-cmp/cmp": {"storage/storagetest"},
}

func TestDoors(t *testing.T) {
	for room, imports := range rooms(t) {
		open, known := doors[room]
		if !known {
			t.Errorf("%s is in no plan of the house", room)
		}
		for _, path := range imports {
			if other, ours := strings.CutPrefix(path, module); ours {
				if !slices.Contains(open, other) {
					t.Errorf("%s has no door to %s", room, other)
				}
				continue
			}
			for library, allowed := range keepers {
				if (path == library || strings.HasPrefix(path, library+"/")) && !slices.Contains(allowed, room) {
					t.Errorf("%s imports %s", room, path)
				}
			}
			if standard := !strings.Contains(strings.Split(path, "/")[0], "."); strings.HasPrefix(room, "oauth/bearer") && !standard &&
				!strings.HasPrefix(path, "github.com/go-jose/go-jose/") {
				t.Errorf("whoever imports %s would have to load %s", room, path)
			}
		}
	}
}

// rooms answers what each package of the module imports, tests aside.
func rooms(t *testing.T) map[string][]string {
	t.Helper()
	output, err := exec.Command("go", "list", "-json=ImportPath,Imports", module+"...").Output()
	if err != nil {
		t.Fatal(err)
	}
	rooms := make(map[string][]string)
	for decoder := json.NewDecoder(strings.NewReader(string(output))); decoder.More(); {
		var room struct {
			ImportPath string
			Imports    []string
		}
		if err := decoder.Decode(&room); err != nil {
			t.Fatal(err)
		}
		rooms[strings.TrimPrefix(room.ImportPath, module)] = room.Imports
	}
	return rooms
}

func TestOneFileKnowsGoOAuth2(t *testing.T) {
	for name, file := range sources(t) {
		for _, spec := range file.Imports {
			if strings.Contains(spec.Path.Value, "go-oauth2") && name != "oauth/engine.go" {
				t.Errorf("%s knows go-oauth2", name)
			}
		}
	}
}

func TestOneDocPerPackage(t *testing.T) {
	docs := make(map[string]int)
	for name, file := range sources(t) {
		docs[filepath.Dir(name)] += 0
		if file.Doc != nil {
			docs[filepath.Dir(name)]++
		}
	}
	for room, n := range docs {
		if n != 1 {
			t.Errorf("%s has %d package comments", room, n)
		}
	}
}

// TestNoState holds that no package acts or remembers by itself. What is allowed at package level: sentinels,
// embeds, what is checked by the compiler alone, lookup tables and templates, and the version set by the linker.
func TestNoState(t *testing.T) {
	for name, file := range sources(t) {
		for _, declared := range file.Decls {
			switch declared := declared.(type) {
			case *ast.FuncDecl:
				if declared.Name.Name == "init" && declared.Recv == nil {
					t.Errorf("%s has an init", name)
				}
			case *ast.GenDecl:
				if declared.Tok != token.VAR {
					continue
				}
				for _, spec := range declared.Specs {
					if spec := spec.(*ast.ValueSpec); !constant(declared, spec) && name != "cmd/latchkey/version.go" {
						t.Errorf("%s keeps state: %s", name, spec.Names[0])
					}
				}
			}
		}
	}
}

func constant(declared *ast.GenDecl, spec *ast.ValueSpec) bool {
	if spec.Names[0].Name == "_" {
		return true
	}
	for _, comments := range []*ast.CommentGroup{declared.Doc, spec.Doc} {
		if comments != nil && strings.Contains(comments.List[len(comments.List)-1].Text, "//go:embed ") {
			return true
		}
	}
	if len(spec.Values) != 1 {
		return false
	}
	switch value := spec.Values[0].(type) {
	case *ast.CompositeLit:
		return true
	case *ast.CallExpr:
		called, ok := value.Fun.(*ast.SelectorExpr)
		return ok && (called.Sel.Name == "New" && called.X.(*ast.Ident).Name == "errors" || called.Sel.Name == "Must")
	}
	return false
}

func TestSQLOnlyInStorage(t *testing.T) {
	statement := regexp.MustCompile(`\b(SELECT\s.+\sFROM|INSERT INTO|UPDATE\s\w+\sSET|DELETE FROM|CREATE TABLE)\b`)
	for name, file := range sources(t) {
		if strings.HasPrefix(name, "storage/") {
			continue
		}
		ast.Inspect(file, func(node ast.Node) bool {
			if literal, ok := node.(*ast.BasicLit); ok && literal.Kind == token.STRING && statement.MatchString(literal.Value) {
				t.Errorf("%s speaks SQL: %s", name, literal.Value)
			}
			return true
		})
	}
}

// sources parses all our files that are no tests, by their path from the top.
func sources(t *testing.T) map[string]*ast.File {
	t.Helper()
	const top = "../.."
	files := make(map[string]*ast.File)
	for room := range maps.Keys(doors) {
		folder := filepath.Join(top, room)
		err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case entry.IsDir() && path != folder:
				return fs.SkipDir
			case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
				return nil
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
			name, _ := filepath.Rel(top, path)
			files[filepath.ToSlash(name)] = file
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return files
}
