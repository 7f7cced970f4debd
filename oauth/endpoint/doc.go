// Package endpoint is the HTTP face of oauth: the endpoints that clients and verifiers talk to.
//
// Every file stands in one order: parameters, parse, act, write. Requests are read strictly (form.go), because a
// parameter that two readers understand differently is an attack waiting to be found; every refusal is written in
// one place as RFC 6749 §5.2 says (error.go).
package endpoint
