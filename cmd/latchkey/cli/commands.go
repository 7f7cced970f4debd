package cli

// Commands are the client commands, in the order of the help.
type Commands struct {
	Credentials struct {
		List       CredentialsList       `cmd:"" help:"List credentials."`
		Get        CredentialsGet        `cmd:"" help:"Show a credential."`
		Create     CredentialsCreate     `cmd:"" help:"Create a credential, and show its secret once."`
		Update     CredentialsUpdate     `cmd:"" help:"Change a credential."`
		Duplicate  CredentialsDuplicate  `cmd:"" help:"Create a credential that may do the same as another, with a secret of its own."`
		Activate   CredentialsActivate   `cmd:"" help:"Let a credential get tokens again."`
		Deactivate CredentialsDeactivate `cmd:"" help:"Let a credential get no more tokens, from now on."`
		Delete     CredentialsDelete     `cmd:"" help:"Delete a credential for good."`
	} `cmd:"" group:"Client of a server:" help:"The programs that may ask for tokens: list, get, create, update, duplicate, activate, deactivate, delete."`
	Secrets struct {
		List   SecretsList   `cmd:"" help:"List the secrets of a credential, never their text."`
		Rotate SecretsRotate `cmd:"" help:"Make another secret, and show it once. The one before works on for a while."`
		Stop   SecretsStop   `cmd:"" help:"End a secret, now or at a time."`
	} `cmd:"" group:"Client of a server:" help:"Their secrets: list, rotate, stop."`
	APIs struct {
		List       APIsList       `cmd:"" help:"List the APIs of the catalogue."`
		Get        APIsGet        `cmd:"" help:"Show an API and its permissions."`
		Put        APIsPut        `cmd:"" help:"Create or replace an API."`
		Activate   APIsActivate   `cmd:"" help:"Let tokens for an API be issued again."`
		Deactivate APIsDeactivate `cmd:"" help:"Let no more tokens for an API be issued."`
		Delete     APIsDelete     `cmd:"" help:"Delete an API that nobody is granted."`
	} `cmd:"" name:"apis" group:"Client of a server:" help:"The catalogue of APIs: list, get, put, activate, deactivate, delete."`
	Tenants struct {
		List       TenantsList       `cmd:"" help:"List organizations or what lies below one."`
		Get        TenantsGet        `cmd:"" help:"Show an organization, account or workspace."`
		Put        TenantsPut        `cmd:"" help:"Create or rename an organization, account or workspace."`
		Activate   TenantsActivate   `cmd:"" help:"Let what is granted there hold again."`
		Deactivate TenantsDeactivate `cmd:"" help:"Let nothing that is granted there hold."`
		Delete     TenantsDelete     `cmd:"" help:"Delete an organization, account or workspace that nothing hangs on."`
	} `cmd:"" group:"Client of a server:" help:"Organizations, accounts and workspaces: list, get, put, activate, deactivate, delete."`
	Operators struct {
		List          OperatorsList          `cmd:"" help:"List the people who may sign in."`
		Get           OperatorsGet           `cmd:"" help:"Show an operator."`
		Create        OperatorsCreate        `cmd:"" help:"Create an operator, and show once the token that sets its password."`
		Update        OperatorsUpdate        `cmd:"" help:"Change an operator or what it may do."`
		Activate      OperatorsActivate      `cmd:"" help:"Let an operator sign in again."`
		Deactivate    OperatorsDeactivate    `cmd:"" help:"End an operator's sessions, and let it sign in no more."`
		ResetPassword OperatorsResetPassword `cmd:"" help:"Take an operator's password, and show once the token that sets another."`
		Delete        OperatorsDelete        `cmd:"" help:"Delete an operator for good."`
	} `cmd:"" group:"Client of a server:" help:"The people who may sign in: list, get, create, update, activate, deactivate, reset-password, delete."`
	Events struct {
		List   EventsList   `cmd:"" help:"List who did what, the newest first."`
		Export EventsExport `cmd:"" help:"Write the audit trail as JSON lines, the oldest first."`
	} `cmd:"" group:"Client of a server:" help:"The audit trail: list, export."`
	Apply   Apply   `cmd:"" group:"Client of a server:" help:"Bring tree, catalogue and credentials to a declared state."`
	Token   Token   `cmd:"" group:"Client of a server:" help:"Get a token, and print it or what is in it."`
	Explain Explain `cmd:"" group:"Client of a server:" help:"Say what token a credential would get now, or why none."`
	Usage   Usage   `cmd:"" group:"Client of a server:" help:"Show what a credential did, and which permissions it did without."`
	Login   Login   `cmd:"" group:"Client of a server:" help:"Sign in: check a credential and keep it in a profile that only you can read."`
	Logout  Logout  `cmd:"" group:"Client of a server:" help:"Remove the profile."`
	Whoami  Whoami  `cmd:"" group:"Client of a server:" help:"Show who you are, and what you may do."`
	Doctor  Doctor  `cmd:"" group:"Client of a server:" help:"Check step by step what a client needs of a server."`

	Completion Completion `cmd:"" group:"Client of a server:" help:"Print what makes bash, zsh or fish complete the words of latchkey."`
}

// Examples answers an example for each command, by its path.
func Examples() map[string]string {
	return map[string]string{
		"credentials list":         "latchkey credentials list --search fraud --status active",
		"credentials get":          "latchkey credentials get 'Fraud scorer' -o json",
		"credentials create":       "latchkey credentials create 'Fraud scorer' --allow profile:read --in ws_eu_prod --secret-file scorer.secret",
		"credentials update":       "latchkey credentials update 'Fraud scorer' --owner risk@example.com --dry-run",
		"credentials duplicate":    "latchkey credentials duplicate 'Fraud scorer' 'Fraud scorer 2' -o env",
		"credentials activate":     "latchkey credentials activate 'Fraud scorer'",
		"credentials deactivate":   "latchkey credentials deactivate cid_Lk05sWqe2RfD8yTb1XnA",
		"credentials delete":       "latchkey credentials delete 'Fraud scorer' --yes",
		"secrets list":             "latchkey secrets list 'Fraud scorer'",
		"secrets rotate":           "latchkey secrets rotate 'Fraud scorer' --overlap 24h --secret-file scorer.secret",
		"secrets stop":             "latchkey secrets stop 'Fraud scorer' sec_1 --yes",
		"apis list":                "latchkey apis list",
		"apis get":                 "latchkey apis get profile",
		"apis put":                 "latchkey apis put search -f search.yaml --dry-run",
		"apis activate":            "latchkey apis activate search",
		"apis deactivate":          "latchkey apis deactivate search",
		"apis delete":              "latchkey apis delete search --yes",
		"tenants list":             "latchkey tenants list --parent acc_eu",
		"tenants get":              "latchkey tenants get ws_eu_prod",
		"tenants put":              "latchkey tenants put ws_jp_prod --level workspace --parent acc_apac --name 'Japan Production'",
		"tenants activate":         "latchkey tenants activate ws_jp_prod",
		"tenants deactivate":       "latchkey tenants deactivate ws_jp_prod",
		"tenants delete":           "latchkey tenants delete ws_jp_prod --yes",
		"keys list":                "latchkey keys list",
		"keys rotate":              "latchkey keys rotate",
		"keys revoke":              "latchkey keys revoke XJdvkmKZ --yes",
		"operators list":           "latchkey operators list --search ada",
		"operators get":            "latchkey operators get ada@example.com",
		"operators create":         "latchkey operators create ada@example.com --name Ada --role admin --org org_example",
		"operators update":         "latchkey operators update ada@example.com --role viewer",
		"operators activate":       "latchkey operators activate ada@example.com",
		"operators deactivate":     "latchkey operators deactivate ada@example.com",
		"operators reset-password": "latchkey operators reset-password ada@example.com",
		"operators delete":         "latchkey operators delete ada@example.com --yes",
		"events list":              "latchkey events list --credential 'Fraud scorer'",
		"events export":            "latchkey events export --from 2026-01-01 >events.jsonl",
		"apply":                    "latchkey apply -f catalogue.yaml --dry-run",
		"token":                    "curl -H \"Authorization: Bearer $(latchkey token --scope profile:read)\" https://api.example.com/",
		"explain":                  "latchkey explain 'Fraud scorer' --permission profile:read",
		"usage":                    "latchkey usage 'Fraud scorer' --days 30",
		"login":                    "latchkey login --issuer https://auth.example.com",
		"logout":                   "latchkey logout",
		"whoami":                   "latchkey whoami",
		"doctor":                   "latchkey doctor --issuer https://auth.example.com",
		"completion":               "latchkey completion bash >/etc/bash_completion.d/latchkey",
		"config view":              "latchkey config view",
	}
}
