package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/latchkey-auth/latchkey/oauth"
)

// Declaration is a state of tree, catalogue and credentials that somebody wants, as a file writes it. What it does not
// name is left alone.
type Declaration struct {
	// Tenants are in an order in which a parent stands before its children.
	Tenants     []DeclaredTenant     `json:"tenants"`
	APIs        []DeclaredAPI        `json:"apis"`
	Credentials []DeclaredCredential `json:"credentials"`
}

// maxDeclared is how many things one declaration may name: they change in one transaction, for which every other
// writer waits.
const maxDeclared = 500

// ParseDeclaration reads a declaration from YAML or JSON. A field it does not know is an error.
func ParseDeclaration(text []byte) (Declaration, error) {
	var declared Declaration
	inJSON, err := yaml.YAMLToJSON(text)
	if err != nil {
		return declared, fmt.Errorf("reading the declaration: %w", err)
	}
	decoder := json.NewDecoder(bytes.NewReader(inJSON))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&declared); err != nil {
		return declared, fmt.Errorf("reading the declaration: %w", err)
	}
	return declared, nil
}

// Applier brings tree, catalogue and credentials to a declared state.
type Applier struct {
	Store     Store
	Registrar *Registrar
	// Now answers the time in UTC, in whole microseconds.
	Now func() time.Time
}

// ApplyOptions say how a declaration is applied.
type ApplyOptions struct {
	// Force takes from credentials what no longer fits an API, as in [Catalog.Put].
	Force bool
	// DryRun checks all the same and stores nothing.
	DryRun bool
}

// Applied is what a declaration changed or, in a dry run, would change.
type Applied struct {
	Steps []Step
	// Lost says which credentials lost what.
	Lost     []Loss
	Warnings []string
}

// Step is one thing that is made or changed by a declaration.
type Step struct {
	// Kind is "tenant", "api" or "credential"; ID is the tenant's id, the API's key or the client_id.
	Kind string
	ID   string
	// OrgID is the org it lies in; empty for an API.
	OrgID   string
	Created bool
	// Changes maps each changed field to its values before and after.
	Changes map[string]Change
}

// newStep answers the step between two states of a thing; nil if there is none.
func newStep(kind, id, orgID string, created bool, from, to map[string]json.RawMessage) *Step {
	step := &Step{Kind: kind, ID: id, OrgID: orgID, Created: created, Changes: differing(from, to)}
	if !created && len(step.Changes) == 0 {
		return nil
	}
	return step
}

func (s *Step) event(actor Actor, now time.Time) Event {
	action := s.Kind + ".changed"
	if s.Created {
		action = s.Kind + ".created"
	}
	return newEvent(actor, now, action, s.ID, s.OrgID, s.Changes)
}

// Apply brings everything to the declared state, or nothing. What is so already is left alone, so that applying twice
// changes nothing. All that is wrong with the declaration is answered at once, as FieldErrors; a change that would
// harm credentials and is not forced is an [*InUseError].
func (a Applier) Apply(ctx context.Context, actor Actor, declared Declaration, options ApplyOptions) (Applied, error) {
	if n := len(declared.Tenants) + len(declared.APIs) + len(declared.Credentials); n > maxDeclared {
		return Applied{}, FieldErrors{{"", "too_many", fmt.Sprintf("at most %d things are allowed in one declaration", maxDeclared)}}
	}
	if err := mayApply(actor, declared); err != nil {
		return Applied{}, err
	}
	var work application
	err := a.Store.Transact(ctx, func(ctx context.Context, store Store) error {
		work = application{actor: actor, options: options}
		if err := work.apply(ctx, a, store, declared); err != nil {
			return err
		}
		if options.DryRun {
			return errDryRun
		}
		return nil
	})
	if err != nil && !errors.Is(err, errDryRun) {
		return Applied{}, err
	}
	return work.done, nil
}

func mayApply(actor Actor, declared Declaration) error {
	if len(declared.Tenants) > 0 {
		if err := actor.require(CatalogWrite); err != nil {
			return err
		}
	}
	if len(declared.APIs) > 0 {
		if err := actor.requireEverywhere(CatalogWrite); err != nil {
			return err
		}
	}
	if len(declared.Credentials) > 0 {
		return actor.require(CredentialsWrite)
	}
	return nil
}

// application is the work of one Apply.
type application struct {
	actor   Actor
	options ApplyOptions
	done    Applied
	errs    FieldErrors
}

// apply works within a transaction.
func (w *application) apply(ctx context.Context, a Applier, store Store, declared Declaration) error {
	tree, catalog := Tree{Store: store, Now: a.Now}, Catalog{Store: store, Now: a.Now}
	for i, tenant := range declared.Tenants {
		at := pointer("/tenants", i)
		if slices.ContainsFunc(declared.Tenants[:i], func(other DeclaredTenant) bool { return other.ID == tenant.ID }) {
			w.errs.add(at+"/id", "repeated", "the tenant %q stands twice", tenant.ID)
		}
		step, err := tree.put(ctx, w.actor, tenant, PutCondition{whatever: true})
		if err := w.note(at, step, err); err != nil {
			return err
		}
	}
	for i, api := range declared.APIs {
		at := pointer("/apis", i)
		if slices.ContainsFunc(declared.APIs[:i], func(other DeclaredAPI) bool { return other.Key == api.Key }) {
			w.errs.add(at+"/key", "repeated", "the API %q stands twice", api.Key)
		}
		step, lost, err := catalog.put(ctx, w.actor, api, PutCondition{whatever: true}, w.options.Force)
		if err := w.note(at, step, err); err != nil {
			return err
		}
		w.done.Lost = append(w.done.Lost, lost...)
	}
	for i, credential := range declared.Credentials {
		if slices.ContainsFunc(declared.Credentials[:i], credential.isSame) {
			w.errs.add(pointer("/credentials", i)+"/name", "repeated", "the credential %q stands twice", credential.Name)
		}
		step, warnings, err := a.Registrar.within(store).declare(ctx, w.actor, credential)
		if err := w.note(pointer("/credentials", i), step, err); err != nil {
			return err
		}
		for _, warning := range warnings {
			w.done.Warnings = append(w.done.Warnings, fmt.Sprintf("%s: %s", credential.Name, warning))
		}
	}
	return w.errs.orNil()
}

// note keeps what became of the declaration's part at the pointer. It answers an error that ends the work.
func (w *application) note(at string, step *Step, err error) error {
	var fields FieldErrors
	switch {
	case errors.As(err, &fields):
		w.errs.addBelow(at, fields)
	case errors.Is(err, ErrNameTaken):
		w.errs.add(at+"/name", "taken", "the name is taken")
	case errors.Is(err, ErrReserved):
		w.errs.add(at+"/key", "reserved", "%s", ErrReserved)
	case errors.Is(err, oauth.ErrNotFound):
		w.errs.add(at+"/id", "unknown", "there is no such thing within your reach")
	case err != nil:
		return fmt.Errorf("%s: %w", at, err)
	case step != nil:
		w.done.Steps = append(w.done.Steps, *step)
	}
	return nil
}
