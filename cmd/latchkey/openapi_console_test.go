package main

import (
	"net/http"
	"regexp"
	"testing"
)

// screen gets the page of the console and all files that it names.
func (k *contract) screen(t *testing.T) {
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		k.do(t, http.StatusPermanentRedirect, attempt{method, "/console", "", http.Header{}, ""})
		k.do(t, http.StatusOK, attempt{method, "/console/", "", http.Header{}, ""})
	}
	page, _ := k.do(t, http.StatusOK, attempt{"GET", "/console/", "", http.Header{}, ""})
	named := regexp.MustCompile(`(?:src|href)="(a/[^"]+)"`).FindAllSubmatch(page, -1)
	if len(named) < 5 {
		t.Fatalf("the page names %d files:\n%s", len(named), page)
	}
	for _, step := range []string{"start", "callback"} { // There is no provider.
		k.do(t, http.StatusNotFound, attempt{"GET", "/console/oidc/" + step, "", http.Header{}, ""})
	}
	for _, file := range named {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			k.do(t, http.StatusOK, attempt{method, "/console/" + string(file[1]), "", http.Header{}, ""})
		}
	}
}
