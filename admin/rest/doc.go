// Package rest is the JSON face of admin: it turns requests into use cases and their answers into responses.
//
// Every handler stands in the same order: what the request may carry, the use case, the answer. Bodies are read
// strictly (decode.go), every refusal is a problem document of RFC 9457 written in one place (problem.go), and the
// bearer token becomes an admin.Actor before any handler runs (auth.go). Rights are checked in admin.
package rest
