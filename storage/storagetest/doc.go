// Package storagetest is the contract of admin.Store and oauth.Store as a suite of tests, and a real PostgreSQL to
// run it on.
package storagetest
