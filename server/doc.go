// Package server assembles the faces into one HTTP server and runs it.
//
// [New] puts the faces behind the middleware every request passes: an id, one log line, metrics, recovery,
// security headers, limits on time and size. routes.go names the whole surface on one screen. [Server.Serve] owns
// the time between a listener and the end of the last request. What is not part of the product's surface, such as
// metrics, is served on a listener of its own by [ServeMetrics].
package server
