package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/oauth"
	"github.com/latchkey-auth/latchkey/storage"
)

// seedCommand is latchload seed.
type seedCommand struct {
	DatabaseURL string `required:"" placeholder:"URL" help:"Database that a server has set up: sqlite:PATH or postgres://…"`
	KeyFile     string `required:"" placeholder:"FILE" help:"File of the key that the credentials are derived from. It is made if there is none."`
	Credentials int64  `default:"10000" help:"How many credentials with a secret to put in, at most 1000000."`
	Keys        int64  `default:"0" help:"How many credentials with a key, for private_key_jwt, to put in besides."`
}

const (
	maxSeeds  = 1_000_000
	seedBatch = 2000
)

// Run puts the credentials in.
func (c *seedCommand) Run(ctx context.Context, stdout io.Writer) error {
	key, err := readSeedKey(c.KeyFile, true)
	if err != nil {
		return err
	}
	start := time.Now()
	if err := seed(ctx, c.DatabaseURL, key, c.Credentials, c.Keys); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "%d credentials in %s\n", c.Credentials+c.Keys, time.Since(start).Round(time.Millisecond))
	return nil
}

// seed puts credentials with one secret, or one key, and one grant each into the oldest org of a database.
func seed(ctx context.Context, url string, key seedKey, credentials, keys int64) error {
	if credentials < 1 || credentials > maxSeeds || keys < 0 || keys > maxSeeds {
		return fmt.Errorf("the number of credentials must be from 1 to %d", maxSeeds)
	}
	masterKey := make([]byte, 32) // Nothing is sealed or opened here.
	rand.Read(masterKey)
	db, err := storage.Open(ctx, storage.Config{URL: url, MasterKey: masterKey, Now: now})
	if err != nil {
		return err
	}
	defer db.Close()
	if err := db.CheckMigrated(ctx); err != nil {
		return err
	}
	org, grants, err := possibleGrants(ctx, db)
	if err != nil {
		return err
	}
	ids := sortedIDs(key, credentials, keys)
	begin := now()
	for first := 0; first < len(ids); first += seedBatch {
		var clients []*oauth.Client
		for at, own := range ids[first:min(first+seedBatch, len(ids))] {
			at += first
			client := &oauth.Client{
				ID: own.id, OrgID: org, Name: fmt.Sprintf("Load %07d %s", at, own.id[len(own.id)-6:]), Note: "Made by latchload.",
				Status: oauth.StatusActive, AuthMethod: oauth.AuthSecret,
				Grants:    []oauth.Grant{grants[at%len(grants)]},
				CreatedAt: begin.Add(time.Duration(at-len(ids)) * time.Second), CreatedBy: "latchload",
				UpdatedAt: begin, UpdatedBy: "latchload", Version: 1,
			}
			if own.n >= keyed {
				client.AuthMethod = oauth.AuthPrivateKeyJWT
				client.Keys = []jose.JSONWebKey{{
					Key: key.privateKey(own.n).Public(), KeyID: keyID, Algorithm: string(jose.ES256), Use: "sig",
				}}
			} else {
				secret := oauth.SecretFrom(oauth.NewPlaintext(key.secret(own.n)), begin, "latchload")
				secret.ID = "sec" + strings.TrimPrefix(own.id, "cid")
				client.Secrets = []oauth.Secret{secret}
			}
			clients = append(clients, client)
		}
		err := db.Seed(ctx, clients, admin.Event{
			ID: oauth.NewID("evt"), At: now(), ActorKind: admin.ActorSystem, ActorID: "latchload",
			Action: "credentials.seeded", Target: org, OrgID: org,
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// numbered is the id of the n-th credential.
type numbered struct {
	id string
	n  int64
}

// sortedIDs answers the ids in their order. What is inserted in the order of every index is inserted several times as
// fast; those who ask for tokens ask in the order of the numbers, which is another.
func sortedIDs(key seedKey, credentials, keys int64) []numbered {
	ids := make([]numbered, 0, credentials+keys)
	for n := range credentials {
		ids = append(ids, numbered{key.id(n), n})
	}
	for n := range keys {
		ids = append(ids, numbered{key.id(keyed + n), keyed + n})
	}
	slices.SortFunc(ids, func(a, b numbered) int { return strings.Compare(a.id, b.id) })
	return ids
}

// now is the clock: UTC, in the whole microseconds that both databases keep.
func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// possibleGrants answers the oldest org, and grants that hold in it: of each API that everybody may be granted, its
// first permission, in each of up to five places.
func possibleGrants(ctx context.Context, db *storage.DB) (string, []oauth.Grant, error) {
	const most = 5
	tenants, err := db.Tenants(ctx, admin.TenantQuery{Roots: true, Limit: 1})
	if err != nil {
		return "", nil, err
	}
	if len(tenants) == 0 {
		return "", nil, errors.New("the database has no org; a first start of latchkey serve --dev makes one")
	}
	org := tenants[0].ID
	if tenants, err = db.Tenants(ctx, admin.TenantQuery{Org: org, Limit: 1000}); err != nil {
		return "", nil, err
	}
	apis, err := db.APIs(ctx)
	if err != nil {
		return "", nil, err
	}
	var grants []oauth.Grant
	for _, api := range apis {
		if api.Level == oauth.LevelInstallation || len(api.GrantableBy) > 0 || api.Status != oauth.StatusActive {
			continue
		}
		for _, place := range places(tenants, api.Level)[:min(most, len(places(tenants, api.Level)))] {
			grants = append(grants, oauth.Grant{API: api.Key, Permissions: []string{api.Permissions[0].Key}, AppliesTo: place})
		}
	}
	if len(grants) == 0 {
		return "", nil, errors.New("the catalogue has no API that a credential could be granted")
	}
	return org, slices.Clip(grants), nil
}

func places(tenants []admin.TenantRow, level oauth.Level) []oauth.Places {
	if level == oauth.LevelOrg {
		return []oauth.Places{{Org: true}}
	}
	var places []oauth.Places
	for _, tenant := range tenants {
		switch {
		case tenant.Level != level:
		case level == oauth.LevelAccount:
			places = append(places, oauth.Places{Accounts: []string{tenant.ID}})
		default:
			places = append(places, oauth.Places{Workspaces: []string{tenant.ID}})
		}
	}
	return places
}
