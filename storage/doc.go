// Package storage is the SQL, and nothing else: it implements admin.Store and oauth.Store on PostgreSQL and SQLite.
//
// [DB] is the database itself and implements admin.Store. Every change it makes is one transaction (tx.go) that
// first moves the epoch, one row that all writers queue on, then changes the thing, writes the audit event and
// notes in the log of changes what a memory of the database must drop. Either all of that is committed or nothing.
// Changes that belong together, and what is read to judge them, share one transaction (transaction.go).
//
// [Fresh] is a memory of the database that is proven, before each answer, to miss no committed change. It
// implements oauth.Store, and its comment argues why a token is never issued on stale knowledge.
//
// Both databases read the same SQL: $1 for placeholders, RETURNING, keyset comparisons of rows. What differs is in
// postgres.go, sqlite.go and the two folders of migrations. Names are compared byte by byte in both, so that they
// sort alike and the case of ASCII letters alone can be folded.
//
// Events form a chain (chain.go), which another program can verify too. The hash of an event is the SHA-256 of the 32
// bytes of the hash before it, by sequence number, and then of twelve fields, each as its length in bytes, a 64-bit
// big-endian number, and its bytes: the words "latchkey event 1"; seq, in decimal; id; at, as microseconds since 1970
// in decimal; actor_kind; actor_id; address; request_id; action; target; org_id; and changes, the JSON text exactly as
// the column holds it. All text is UTF-8. Before the first hash stand 32 zero bytes. Sequence numbers have no gaps:
// chain_head holds the last, with its hash. Events without a hash are older than the chain. A row of checkpoints is a
// sequence number and hash that the server once signed.
//
// A secret rests as a hash; a signing key rests sealed under the master key (seal.go); the answer to
// a request that can be repeated, sealed under what its caller alone knows (answers.go).
package storage
