package main

import (
	"context"
	"errors"
	"io"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/oauth"
)

// recoverOptions are those of recover.
type recoverOptions struct {
	options
	Operator string `placeholder:"EMAIL" help:"Print a link with which this operator sets another password, instead of making a credential. Who is not there yet becomes an admin."`
}

// recoverAccess makes another management credential and prints it once, for whoever has the database and its master
// key but no credential that could make one. Running servers know it at once. For an operator who is named it makes a
// link to set another password instead.
func recoverAccess(ctx context.Context, said *recoverOptions, stdout io.Writer) error {
	o := &said.options
	o.settle()
	if err := o.check(); err != nil {
		return err
	}
	core, err := openCore(ctx, o, true)
	if err != nil {
		return err
	}
	defer core.close()
	if said.Operator != "" {
		operators := admin.Operators{Store: core.db, Now: now}
		invitation, err := operators.Invite(ctx, admin.System("latchkey recover"), said.Operator)
		if err != nil {
			return err
		}
		return announce(stdout, o, &admin.First{Operator: invitation})
	}
	org, err := activeOrg(ctx, core)
	if err != nil {
		return err
	}
	actor, name := admin.System("latchkey recover"), oauth.NewID("recovered")
	outcome, err := newRegistrar(core).Register(ctx, actor, admin.NewClient{OrgID: org, ClientChange: admin.ClientChange{
		Name: &name,
		Grants: &[]oauth.Grant{{
			API: admin.ManagementAPI, Permissions: actor.Permissions, AppliesTo: oauth.Places{Installation: true},
		}},
	}}, false)
	if err != nil {
		return err
	}
	return announce(stdout, &options{Issuer: o.Issuer},
		&admin.First{Client: &admin.FirstClient{ID: outcome.Client.ID, Secret: outcome.Secret}})
}

// activeOrg answers an org that a credential can live in.
func activeOrg(ctx context.Context, core *core) (string, error) {
	const enough = 1000
	orgs, err := core.db.Tenants(ctx, admin.TenantQuery{Roots: true, Limit: enough})
	if err != nil {
		return "", err
	}
	for _, org := range orgs {
		if org.Status == oauth.StatusActive {
			return org.ID, nil
		}
	}
	return "", errors.New("there is no active org that a credential could live in: start the server on a new database first")
}
