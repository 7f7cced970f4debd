package main

import (
	"context"
	"fmt"
	"io"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/oauth"
)

// resealKeys seals every private key under the master key in force. Servers may run meanwhile, if they have both it
// and the previous one.
func resealKeys(ctx context.Context, o *options, stdout io.Writer) error {
	o.settle()
	if err := o.checkDatabase(); err != nil {
		return err
	}
	db, _, err := openDatabase(ctx, o, nil, true)
	if err != nil {
		return err
	}
	defer db.Close()
	resealed, err := db.Reseal(ctx, admin.Event{
		ID: oauth.NewID("evt"), At: now(), ActorKind: admin.ActorSystem, ActorID: "latchkey keys reseal",
		Action: "keys.resealed", Target: "keys",
	})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdout, "%d keys were sealed anew; all are under the master key in force\n", resealed)
	return err
}
