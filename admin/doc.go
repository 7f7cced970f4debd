// Package admin is what an administrator may do, without HTTP and without SQL.
//
// An [Actor] does it: a program with a token of the management API, an [Operator] with a [Session], or the system
// itself. An operator's permissions come from its roles. The [Registrar] registers, changes, disables and removes
// clients, which an administrator calls credentials. The [Tree] of orgs, accounts and workspaces and the [Catalog] of
// APIs say what a client may hold and where, and an [Applier] brings all three to a declared state. Every change leaves
// an [Event] in the same transaction: the [Store] takes no change without one; and what is judged before a change is
// judged in that transaction too. Every refusal leaves an Event as well, by [Refusals]. Events form a chain, which
// [VerifyChain] follows and a [Notary] signs.
//
// What becomes of a client's secrets is told in rotation.go. [Retries] let a request be repeated without being done
// twice.
//
// The faces that speak HTTP are rest and console. Rights are checked here, not there.
package admin
