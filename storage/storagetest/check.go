package storagetest

import (
	"crypto/x509"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/latchkey-auth/latchkey/oauth"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// same fails the test unless both are equal to the last bit, but for the difference of an empty list and none, and for
// what only a replica knows of a client.
func same[T any](t testing.TB, what string, got, want T) {
	t.Helper()
	if difference := cmp.Diff(want, got, cmpopts.EquateEmpty(), cmp.Comparer(samePrefix),
		cmpopts.IgnoreFields(oauth.Client{}, "StatusPlace")); difference != "" {
		t.Fatalf("%s differs (-want +got):\n%s", what, difference)
	}
}

// ForProtocol answers a copy of the client without what an [oauth.Store] may leave out.
func ForProtocol(client *oauth.Client) *oauth.Client {
	read := *client
	read.Name, read.Note, read.Owner = "", "", ""
	read.CreatedAt, read.CreatedBy, read.UpdatedAt, read.UpdatedBy = time.Time{}, "", time.Time{}, ""
	read.Secrets = slices.Clone(client.Secrets)
	for i := range read.Secrets {
		read.Secrets[i].CreatedBy = ""
	}
	read.Keys = slices.Clone(client.Keys)
	for i := range read.Keys {
		certificates := slices.Clone(read.Keys[i].Certificates)
		for j, certificate := range certificates {
			certificates[j] = &x509.Certificate{Raw: certificate.Raw}
		}
		read.Keys[i].Certificates = certificates
	}
	return &read
}

func samePrefix(a, b netip.Prefix) bool { return a == b }

func wraps(t testing.TB, what string, err, sentinel error) {
	t.Helper()
	if !errors.Is(err, sentinel) {
		t.Fatalf("%s: the error is %v, and should wrap %q", what, err, sentinel)
	}
}

func prefixes(texts ...string) []netip.Prefix {
	list := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		list[i] = netip.MustParsePrefix(text)
	}
	return list
}

// atOnce lets n callers do the same at the same time, and answers how many were answered yes.
func atOnce(t testing.TB, n int, do func(i int) (bool, error)) (yes int) {
	t.Helper()
	var wait sync.WaitGroup
	start := make(chan struct{})
	answers, errs := make([]bool, n), make([]error, n)
	for i := range n {
		wait.Go(func() {
			<-start
			answers[i], errs[i] = do(i)
		})
	}
	close(start)
	wait.Wait()
	must(t, errors.Join(errs...))
	for _, answer := range answers {
		if answer {
			yes++
		}
	}
	return yes
}

// cmpOr compares pairs of texts, byte by byte, until one differs.
func cmpOr(pairs ...string) int {
	for i := 0; i < len(pairs); i += 2 {
		if order := strings.Compare(pairs[i], pairs[i+1]); order != 0 {
			return order
		}
	}
	return 0
}
