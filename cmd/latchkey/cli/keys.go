package cli

import (
	"context"
	"net/http"
	"time"
)

// KeyCommands are the commands about the signing keys of a server.
type KeyCommands struct {
	List   KeysList   `cmd:"" help:"List the signing keys that are published."`
	Rotate KeysRotate `cmd:"" help:"Let the next signing key sign before its time."`
	Revoke KeysRevoke `cmd:"" help:"Destroy a signing key at once. What it signed is refused from then on."`
}

// signingKey is a key of the server, without either half of it.
type signingKey struct {
	KID         string     `json:"kid"`
	Algorithm   string     `json:"alg"`
	State       string     `json:"state"`
	ActiveFrom  time.Time  `json:"active_from"`
	RetiredFrom *time.Time `json:"retired_from"`
	GoneFrom    *time.Time `json:"gone_from"`
}

// KeysList is a command.
type KeysList struct {
	connection
	list
}

// Run implements the command.
func (c *KeysList) Run(ctx context.Context, s *Session) error {
	return keys(ctx, s, c.connection, c.list, request{method: http.MethodGet, path: "/keys"})
}

// KeysRotate is a command.
type KeysRotate struct {
	connection
	list
}

// Run implements the command.
func (c *KeysRotate) Run(ctx context.Context, s *Session) error {
	return keys(ctx, s, c.connection, c.list, request{method: http.MethodPost, path: "/keys/rotations"})
}

// KeysRevoke is a command.
type KeysRevoke struct {
	connection
	list
	KID string `arg:"" name:"kid" help:"The kid of the key; after -- if it begins with a dash, as one from a security module may."`
	Yes bool   `help:"Do not ask."`
}

// Run implements the command.
func (c *KeysRevoke) Run(ctx context.Context, s *Session) error {
	if err := c.sure(ctx, s, c.Yes, c.KID); err != nil {
		return err
	}
	return keys(ctx, s, c.connection, c.list, request{method: http.MethodPost, path: path("keys", c.KID, "revoke")})
}

// keys does what is asked, and shows the keys as they are then.
func keys(ctx context.Context, s *Session, c connection, o list, asked request) error {
	a, err := c.open(ctx, s)
	if err != nil {
		return err
	}
	got, err := a.send(ctx, asked)
	if err != nil {
		return err
	}
	var all struct {
		Data []signingKey `json:"data"`
	}
	if err := got.decode(&all); err != nil {
		return err
	}
	shown := view{body: got.body, table: table{{"KID", "ALG", "STATE", "ACTIVE FROM", "RETIRED FROM", "GONE FROM"}}}
	for _, key := range all.Data {
		shown.names = append(shown.names, key.KID)
		shown.table = append(shown.table, []string{key.KID, key.Algorithm, key.State, when(&key.ActiveFrom),
			whenever(key.RetiredFrom), whenever(key.GoneFrom)})
	}
	return s.show(o.Output, shown)
}

// whenever shows a time that may not be known yet.
func whenever(instant *time.Time) string {
	if instant == nil {
		return ""
	}
	return when(instant)
}
