package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/latchkey-auth/latchkey/oauth"
)

// adminCommand is latchload admin. It leaves inactive credentials behind.
type adminCommand struct {
	URL         string        `arg:"" help:"The server: http://127.0.0.1:8080."`
	ID          string        `required:"" help:"Id of a management credential."`
	Secret      string        `required:"" env:"LATCHLOAD_SECRET" help:"Its secret; better given by LATCHLOAD_SECRET."`
	Grants      string        `default:"[{\"api\":\"profile\",\"permissions\":[\"read\"],\"applies_to\":{\"workspaces\":[\"ws_eu_prod\"]}}]" help:"Grants, in JSON, of the credentials that are created."`
	Connections int           `default:"4" short:"c" help:"How many connections to keep busy."`
	Duration    time.Duration `default:"3s" short:"d" help:"For how long each kind."`
	Count       int64         `default:"20000" short:"n" help:"How many requests of each kind at most."`
	Output      string        `default:"text" enum:"text,json" short:"o" help:"text or json."`
}

// Run measures each kind of request after the other.
func (c *adminCommand) Run(ctx context.Context, stdout io.Writer) error {
	target, err := newTarget(c.URL)
	if err != nil {
		return err
	}
	var created []string // The ids that were created, for those who deactivate.
	var names []string
	var results []*result
	for _, kind := range []struct {
		name string
		make func() *adminCaller
	}{
		{"list", func() *adminCaller { return &adminCaller{ask: (*adminCaller).list} }},
		{"newest first", func() *adminCaller { return &adminCaller{query: "sort=-created_at&", ask: (*adminCaller).list} }},
		{"filter", func() *adminCaller {
			return &adminCaller{query: "status=active&sort=created_at&", ask: (*adminCaller).list}
		}},
		{"search", func() *adminCaller { return &adminCaller{ask: (*adminCaller).search} }},
		{"create", func() *adminCaller { return &adminCaller{ask: c.create, want: http.StatusCreated} }},
		{"deactivate", func() *adminCaller {
			return &adminCaller{ask: func(_ *adminCaller, n int64) (string, string, string) {
				return http.MethodPost, "/admin/v1/credentials/" + created[n] + "/deactivate", ""
			}}
		}},
	} {
		token, err := c.token(ctx, target)
		if err != nil {
			return err
		}
		callers, all := make([]caller, c.Connections), make([]*adminCaller, c.Connections)
		for i := range callers {
			all[i] = kind.make()
			all[i].target, all[i].token = target, token
			callers[i] = all[i]
		}
		count := c.Count
		if kind.name == "deactivate" {
			count = min(count, int64(len(created)))
		}
		r, err := load{target, c.Connections, c.Duration, count}.run(ctx, callers)
		if err != nil {
			return fmt.Errorf("%s: %w", kind.name, err)
		}
		names, results = append(names, kind.name), append(results, r)
		for _, caller := range all {
			created = append(created, caller.created...)
		}
	}
	return print(stdout, c.Output, names, results)
}

func (c *adminCommand) token(ctx context.Context, target target) (string, error) {
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {c.ID}, "client_secret": {c.Secret}}
	response, err := target.client().PostForm(target.base.JoinPath(oauth.TokenPath).String(), form)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("the management credential got no token: %s", response.Status)
	}
	return answer.AccessToken, json.NewDecoder(io.LimitReader(response.Body, maxAnswer)).Decode(&answer)
}

func (c *adminCommand) create(_ *adminCaller, n int64) (method, path, body string) {
	name, _ := json.Marshal(oauth.NewID("Load"))
	return http.MethodPost, "/admin/v1/credentials", fmt.Sprintf(`{"name":%s,"grants":%s}`, name, c.Grants)
}

// adminCaller asks the management API on one connection.
type adminCaller struct {
	target  target
	token   string
	query   string
	want    int // The right status; zero for 200.
	ask     func(c *adminCaller, n int64) (method, path, body string)
	buffer  []byte
	cursor  string // Of the next page of the list that this connection walks through.
	created []string
}

// list walks through all pages, and begins again after the last.
func (c *adminCaller) list(int64) (method, path, body string) {
	path = "/admin/v1/credentials?" + c.query + "limit=50"
	if c.cursor != "" {
		path += "&cursor=" + url.QueryEscape(c.cursor)
	}
	return http.MethodGet, path, ""
}

// search looks for the number that is in one name of latchload seed.
func (c *adminCaller) search(n int64) (method, path, body string) {
	return http.MethodGet, fmt.Sprintf("/admin/v1/credentials?limit=50&q=%07d", n), ""
}

func (c *adminCaller) request(n int64) []byte {
	method, path, body := c.ask(c, n)
	c.buffer = fmt.Appendf(c.buffer[:0], "%s %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n"+
		"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		method, c.target.base.EscapedPath()+path, c.target.base.Host, c.token, len(body), body)
	return c.buffer
}

func (c *adminCaller) judge(_ int64, status int, body []byte) string {
	if status != max(c.want, http.StatusOK) {
		return fmt.Sprintf("status %d", status)
	}
	var answer struct {
		Next    string `json:"next_cursor"`
		Created string `json:"client_id"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return "no JSON"
	}
	c.cursor = answer.Next
	if c.want == http.StatusCreated {
		c.created = append(c.created, answer.Created)
	}
	return ""
}
