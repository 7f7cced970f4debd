// Package console serves the screen on which people manage credentials: plain ES modules and a style sheet, embedded
// as they are written in static/, and served minified.
//
// The screen is a client of the management API that package rest serves. It has no door of its own: what it can do,
// curl can do. All it holds is in the memory of the page, a new secret too, which is why nothing of it is rendered here.
package console
