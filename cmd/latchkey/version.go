package main

import (
	"cmp"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
)

// version is the version of a release, set by the linker.
var version string

// buildVersion answers the version and the commit the program was built from, as far as it knows them.
func buildVersion() (number, commit string) {
	number, commit = version, "unknown"
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return cmp.Or(number, "unknown"), commit
	}
	for _, setting := range info.Settings {
		switch {
		case setting.Key == "vcs.revision":
			commit = setting.Value
		case setting.Key == "vcs.modified" && setting.Value == "true":
			commit += " (modified)"
		}
	}
	return cmp.Or(number, info.Main.Version, "unknown"), commit
}

func printVersion(stdout io.Writer) error {
	number, commit := buildVersion()
	_, err := fmt.Fprintf(stdout, "latchkey %s\ncommit %s\n%s %s/%s\n", number, commit, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}
