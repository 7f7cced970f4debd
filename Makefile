# GNU make. `make help` says what there is.
.DEFAULT_GOAL := help
SHELL := /bin/sh

TAGS    := -tags nomsgpack
PKCS11  := -tags nomsgpack,pkcs11
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
BENCH_CREDENTIALS ?= 1,10000
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2

.PHONY: help run build deps test race lint bench benchmarks fuzz vendor clean

help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "%-10s %s\n", $$1, $$2 }' Makefile

run: build ## Build and start on http://localhost:8080, with everything in ./data
	./bin/latchkey serve --dev --log-format=text

build: ## Build bin/latchkey, a static binary
	CGO_ENABLED=0 go build $(TAGS) -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/latchkey ./cmd/latchkey

deps: ## Install what the tests need and the machine lacks: PostgreSQL, Node, Chromium, HAProxy, SoftHSM, mod_oauth2, Authlib
	@sh deploy/deps.sh

test: deps ## Run every test, on SQLite and a real PostgreSQL
	go test $(TAGS) -timeout 20m ./...
	CGO_ENABLED=1 go test $(PKCS11) ./storage/pkcs11

# SQLite's code, translated from C, is not ours to watch, and takes five times as long when it is watched. No more than that
# may be left out: what is generic in the standard library is compiled there as well, and might be taken from there, unwatched.
# The detector has each process wait a second at its end, and the stories of the command line run hundreds.
race: deps ## Run every test under the race detector, but for those in the browser
	GORACE=atexit_sleep_ms=10 go test $(TAGS) -race -gcflags='modernc.org/sqlite/lib=-race=false' -timeout 30m -skip '^TestConsole$$' ./...

lint: ## gofmt, go vet, staticcheck
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo 'not gofmt-clean'; exit 1; }
	go vet $(TAGS) ./...
	go vet $(PKCS11) ./storage/pkcs11
	go run $(STATICCHECK) $(TAGS) ./...

bench: build deps ## Measure tokens against the floors, on SQLite and PostgreSQL; BENCH_CREDENTIALS=1,10000,1000000 for a million
	go build $(TAGS) -o bin/latchload ./cmd/latchload
	./bin/latchload bench bin/latchkey --credentials $(BENCH_CREDENTIALS)

benchmarks: ## Run the Go benchmarks, with allocations
	go test $(TAGS) -run '^$$' -bench . -benchmem ./...

fuzz: ## Fuzz every parser for 20 seconds
	go test $(TAGS) -run '^$$' -fuzz FuzzParseScope -fuzztime 20s ./oauth
	go test $(TAGS) -run '^$$' -fuzz FuzzParseDetails -fuzztime 20s ./oauth
	go test $(TAGS) -run '^$$' -fuzz FuzzParseClientKeys -fuzztime 20s ./oauth
	go test $(TAGS) -run '^$$' -fuzz FuzzAssertion -fuzztime 20s ./oauth
	go test $(TAGS) -run '^$$' -fuzz FuzzReadForm -fuzztime 20s ./oauth/endpoint
	go test $(TAGS) -run '^$$' -fuzz FuzzReadBasic -fuzztime 20s ./oauth/endpoint
	go test $(TAGS) -run '^$$' -fuzz FuzzParseDN -fuzztime 20s ./oauth
	go test $(TAGS) -run '^$$' -fuzz FuzzReadClientCerts -fuzztime 20s ./server
	go test $(TAGS) -run '^$$' -fuzz FuzzVerify -fuzztime 20s ./oauth/bearer
	go test $(TAGS) -run '^$$' -fuzz FuzzProof -fuzztime 20s ./oauth/bearer
	go test $(TAGS) -run '^$$' -fuzz FuzzScan -fuzztime 20s ./oauth/bearer
	go test $(TAGS) -run '^$$' -fuzz FuzzStatusList -fuzztime 20s ./oauth/bearer
	go test $(TAGS) -run '^$$' -fuzz FuzzCursor -fuzztime 20s ./admin

vendor: ## Make the console's one library anew from its pinned packages
	sh admin/console/testdata/vendor/vendor.sh

clean: ## Remove what was built; ./data stays
	rm -rf bin
