// Package cli holds the commands that are clients of the REST API. They can do nothing that curl cannot: a command
// asks for a token with its own credential, sends what openapi.yaml describes, and shows the answer. Data goes to
// standard output, and all else to standard error.
package cli
