package rest

import (
	"fmt"
	"strconv"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/oauth"
)

// maxNamed is how many of those that hang on a thing a problem names.
const maxNamed = 100

// inUse says what hangs on a thing.
type inUse struct {
	Total       string  `json:"total"` // "1000+" if there are more: they are not counted.
	Children    []child `json:"children"`
	Credentials []loss  `json:"credentials"`
	Operators   []named `json:"operators"`
}

type named struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

type child struct {
	ID    string      `json:"id"`
	Level oauth.Level `json:"level"`
	Name  string      `json:"name"`
}

// loss is what a credential loses, or would lose.
type loss struct {
	ClientID    string   `json:"client_id"`
	OrgID       string   `json:"org_id"`
	Name        string   `json:"name"`
	Loses       []string `json:"loses"`
	Deactivated bool     `json:"deactivated"`
}

func inUseOf(used *admin.InUseError) *inUse {
	wire := &inUse{
		Total: strconv.Itoa(used.Total), Children: []child{}, Credentials: lossesOf(first(used.Credentials)), Operators: []named{},
	}
	if used.Total > admin.MaxUsers {
		wire.Total = strconv.Itoa(admin.MaxUsers) + "+"
	}
	for _, row := range first(used.Children) {
		wire.Children = append(wire.Children, child{row.ID, row.Level, row.Name})
	}
	for _, operator := range first(used.Operators) {
		wire.Operators = append(wire.Operators, named{operator.ID, operator.Name})
	}
	return wire
}

func inUseDetail(used *admin.InUseError) string {
	switch {
	case used.Forcible:
		return "The change takes something from credentials, or gives their tokens another audience. Nothing was done; force=true does it."
	case used.TooMany:
		return fmt.Sprintf("More than %d credentials are concerned, and no more can change at once. Change some of them first, or deactivate it.", admin.MaxForced)
	default:
		return "Something hangs on it. Change or delete that first, or deactivate it."
	}
}

func lossesOf(losses []admin.Loss) []loss {
	wire := make([]loss, len(losses))
	for i, lost := range losses {
		wire[i] = loss{lost.ClientID, lost.OrgID, lost.Name, orEmpty(lost.Scopes), lost.Deactivated}
	}
	return wire
}

func first[T any](list []T) []T { return list[:min(maxNamed, len(list))] }
