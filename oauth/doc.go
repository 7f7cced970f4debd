// Package oauth is the protocol: its words and its rules, without HTTP and without SQL.
//
// A [Client] is a registered program. It holds [Grant]s: one [API] of the catalogue, some of its permissions,
// and the places where they hold (Org → Account → Workspace, see [Tenant]). It proves who it is by a [Proof];
// for a secret, only the hash of which is kept, see [Secret].
//
// The life of a token:
//
//  1. [Issuer.Authenticate] finds the Client, proven fresh by the [Store], and checks the Proof. Unknown,
//     inactive and wrong get one identical answer.
//  2. [Catalog.Grant] judges what is asked against what is granted: more than granted is an error, never a
//     silent narrowing.
//  3. [Issuer.Issue] takes it through go-oauth2's manager (engine.go) to mint: bearer.Claims, signed with the
//     active key of the [Keyring].
//
// What came of it, a token or a refusal, [Issuer.Record] notes in the [Ledger], which is stored in batches. Nothing
// here is written to a database on the way. What is read comes from the Store's memory, which the Store
// proves to be no older than the request. The faces that speak HTTP are in endpoint; what a resource server needs
// to verify a token is in bearer.
package oauth
