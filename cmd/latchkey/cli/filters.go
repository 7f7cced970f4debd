package cli

import "net/url"

// moreFilters are filters of credentials by what they are granted and how they are used.
type moreFilters struct {
	API                 string `name:"api" placeholder:"KEY" help:"Keep those that are granted a permission of this API."`
	Permission          string `placeholder:"API:PERMISSION" help:"Keep those that are granted this."`
	Where               string `placeholder:"ID" help:"Keep those that are granted something at this workspace, account or organization."`
	UnusedFor           string `placeholder:"DAYS" help:"Keep those that got no token for so many days."`
	SecretExpiresWithin string `placeholder:"DAYS" help:"Keep those of which a secret expires within so many days."`
	Attention           string `placeholder:"REASON" help:"Keep those that one should look at because of secret_expiring, unused, old_secret_in_use or refused_requests."`
}

func (f *moreFilters) put(query url.Values) {
	for name, values := range filter("api", f.API, "permission", f.Permission, "where", f.Where,
		"unused_for", f.UnusedFor, "secret_expires_within", f.SecretExpiresWithin, "attention", f.Attention) {
		query[name] = values
	}
}
