package cli

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/goccy/go-yaml"
)

// profile is what login keeps: whom to ask, and as whom.
type profile struct {
	Issuer       string `yaml:"issuer"`
	ClientID     string `yaml:"client_id"`
	ClientSecret string `yaml:"client_secret"`
}

// The modes of the profile and its folder: the secret in it is its owner's alone.
const (
	profileMode = 0o600
	folderMode  = 0o700
)

// profilePath is where the profile is, which need not exist.
func (s *Session) profilePath() string {
	if s.ConfigDir == "" {
		return ""
	}
	return filepath.Join(s.ConfigDir, "latchkey", "profile.yaml")
}

// readProfile answers the profile, or an empty one. A profile that others can read is not used.
func (s *Session) readProfile() (profile, error) {
	var kept profile
	if s.ConfigDir == "" {
		return kept, nil
	}
	path := s.profilePath()
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return kept, nil
	case err != nil:
		return kept, misused("", "the profile cannot be read: %s", err)
	case runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0:
		return kept, misused("chmod 600 "+path, "others can read the secret in %s", path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return kept, misused("", "the profile cannot be read: %s", err)
	}
	if yaml.Unmarshal(text, &kept) != nil { // Its error would show the lines around it.
		return kept, misused("latchkey logout", "%s is no profile", path)
	}
	return kept, nil
}

// writeProfile replaces the profile at once, so that there is never half of one.
func (s *Session) writeProfile(kept profile) error {
	path := s.profilePath()
	if path == "" {
		return failed("set HOME or XDG_CONFIG_HOME", "there is no folder for a profile")
	}
	folder := filepath.Dir(path)
	text, err := yaml.Marshal(kept)
	if err == nil {
		err = os.MkdirAll(folder, folderMode)
	}
	if err == nil {
		err = os.Chmod(folder, folderMode) // It may have been there before.
	}
	if err != nil {
		return failed("", "the profile cannot be written: %s", err)
	}
	file, err := os.CreateTemp(folder, ".profile-*") // Its mode is 0600.
	if err != nil {
		return failed("", "the profile cannot be written: %s", err)
	}
	defer os.Remove(file.Name())
	_, err = file.Write(text)
	if err = errors.Join(err, file.Chmod(profileMode), file.Close()); err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return failed("", "the profile cannot be written: %s", err)
	}
	return nil
}
