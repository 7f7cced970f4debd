package main

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/oauth"
	"github.com/latchkey-auth/latchkey/oauth/remotekeys"
	"github.com/latchkey-auth/latchkey/server"
	"github.com/latchkey-auth/latchkey/storage"
	"github.com/latchkey-auth/latchkey/storage/pkcs11"
	"github.com/latchkey-auth/latchkey/storage/vault"
)

// core is what the faces stand on: the database, its memory that is proven fresh, and the issuer.
type core struct {
	db      *storage.DB
	fresh   *storage.Fresh
	issuer  *oauth.Issuer
	cursors admin.CursorKey
	// flowKey seals what browsers keep of a sign-in at another provider.
	flowKey []byte
	keys    admin.Keys
	// maxOverlap is the longest that two secrets of a client may work side by side.
	maxOverlap time.Duration
	module     io.Closer // Nil if it needs no closing.
}

// memoryTimeout is the longest wait for the memory of the database. A token may wait three times: for the proof that it is
// fresh, for its client, and for where workspaces lie or, if it is refused, for nobody.
const memoryTimeout = 2 * time.Second

// openCore brings the schema up to date as well, unless the options say no. mustExist is of storage.Config.
func openCore(ctx context.Context, o *options, mustExist bool) (_ *core, err error) {
	core := &core{maxOverlap: o.SecretOverlapMax}
	defer func() {
		if err != nil {
			core.close()
		}
	}()
	module, err := core.openModule(o)
	if err != nil {
		return nil, usageError{fmt.Errorf("--key-module: %w", err)}
	}
	var masterKey []byte
	if core.db, masterKey, err = openDatabase(ctx, o, module, mustExist); err != nil {
		return nil, err
	}
	if o.Migrate {
		err = core.db.Migrate(ctx)
	} else {
		err = core.db.CheckMigrated(ctx)
	}
	if err != nil {
		return nil, err
	}
	memory := storage.FreshConfig{Clients: o.CachedClients, Timeout: memoryTimeout}
	if core.fresh, err = storage.NewFresh(ctx, core.db, memory); err != nil {
		return nil, err
	}
	var nonceKey []byte
	if o.DPoPNonce {
		// Replicas share the master key, and so they know each other's nonces.
		if nonceKey, err = hkdf.Key(sha256.New, masterKey, nil, "latchkey: DPoP nonces", 32); err != nil {
			return nil, err
		}
	}
	clientCAs, err := o.clientCAs()
	if err != nil {
		return nil, usageError{err}
	}
	core.issuer, err = oauth.NewIssuer(oauth.Config{
		URL: o.Issuer, Store: core.fresh, MaxLifetime: o.TokenLifetimeMax, Algorithm: o.SigningAlg,
		Replays: storage.NewReplays(core.db), Revocations: core.db, NonceKey: nonceKey, MutualTLS: o.clientCerts() != (server.ClientCerts{}), ClientCAs: clientCAs,
		Published: remotekeys.New(remotekeys.Config{Allow: o.JWKSURIAllow, Now: now}), Now: now,
	})
	if err != nil {
		return nil, err
	}
	core.keys = admin.Keys{Store: core.db, Rotation: o.rotation(), Maker: oauth.LocalKeys{RSABits: o.RSABits}, Now: now}
	if module != nil {
		core.keys.Maker = module
	}
	// Replicas share the master key, and so they can read each other's cursors.
	if core.flowKey, err = hkdf.Key(sha256.New, masterKey, nil, "latchkey: sign-ins at another provider", 32); err != nil {
		return nil, err
	}
	core.cursors, err = hkdf.Key(sha256.New, masterKey, nil, "latchkey: page cursors", 32)
	return core, err
}

// openModule opens the security module in which keys are made; nil for none.
func (c *core) openModule(o *options) (module oauth.SecurityModule, err error) {
	switch o.KeyModule {
	case "vault":
		return vault.New(o.VaultTransit, o.RSABits)
	case "pkcs11":
		module, c.module, err = pkcs11.Open(pkcs11.Config{
			Library: o.PKCS11Library, Token: o.PKCS11Token, PIN: string(o.PKCS11PIN), RSABits: o.RSABits,
		})
		return module, err
	default:
		return nil, nil
	}
}

// openDatabase opens the database, with the master keys to what is sealed in it. mustExist is of storage.Config.
func openDatabase(
	ctx context.Context, o *options, module oauth.SecurityModule, mustExist bool,
) (_ *storage.DB, masterKey []byte, err error) {
	if masterKey, err = o.masterKey(); err != nil {
		return nil, nil, err
	}
	previous, err := o.previousMasterKeys()
	if err != nil {
		return nil, nil, err
	}
	db, err := storage.Open(ctx, storage.Config{
		URL: o.DatabaseURL, MustExist: mustExist, MasterKey: masterKey, PreviousMasterKeys: previous, Module: module,
		MaxConns: o.DatabaseMaxConns, Now: now,
	})
	return db, masterKey, err
}

// ready answers an error as long as no token could be issued.
func (c *core) ready(ctx context.Context) error {
	if err := c.fresh.Refresh(ctx); err != nil {
		return err
	}
	if !c.fresh.Keyring().Ready(now()) {
		return errors.New("no signing key is active")
	}
	return nil
}

func (c *core) close() {
	if c.fresh != nil {
		c.fresh.Close()
	}
	if c.db != nil {
		c.db.Close()
	}
	if c.module != nil {
		c.module.Close()
	}
}
