// Package deploy holds what an installation starts from.
package deploy

import _ "embed" // For Example.

// Example is a declaration of an example tree and catalogue, in the words of admin.Declaration.
//
//go:embed example.yaml
var Example []byte
