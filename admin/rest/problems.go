package rest

import (
	"bytes"
	"html/template"
	"net/http"

	"github.com/gin-gonic/gin"
)

// explanation is what the page of a problem type says, for whoever follows the type's URI.
type explanation struct {
	Title    string
	Happened string
	Remedy   string
}

// explanations explain every problem type. A type is never renamed: clients compare its URI.
var explanations = map[string]explanation{
	"malformed": {"The request cannot be read",
		"The body is not well-formed JSON, holds a member that does not exist or stands twice, or a query parameter or header has a value that cannot be understood. Nothing was done.",
		"Look at errors: its pointer names the member, parameter or header. Correct it and send the request again."},
	"invalid-fields": {"Some fields are not acceptable",
		"The request could be read, but some of its values are not allowed. Nothing was done.",
		"The member errors lists everything that is wrong at once: pointer names the field, code is for programs and detail for people. Correct all of them and send the request again."},
	"unauthorized": {"Not authenticated",
		"The request had no bearer token, or one that is malformed, expired, meant for somebody else, or no longer in force because its credential was changed or deactivated.",
		"Get a new token from the token endpoint for the management API, and send it as Authorization: Bearer. A token must not stand in the query."},
	"forbidden": {"Not allowed",
		"The token is good, but its credential does not hold the permission that this needs. The detail and the WWW-Authenticate header name the permission.",
		"Use a credential that holds the permission, or ask somebody who does to grant it. Asking for it by scope does not help as long as it is not granted."},
	"cross-origin": {"A page of another origin made this request",
		"The request changes something and carries the cookie of a session, but a browser says that it comes from a page of another origin. Such a page could act in the name of whoever is signed in.",
		"Make the request from a page of this server. A program sends a bearer token and no cookie."},
	"sign-in-failed": {"Sign-in failed",
		"There is no operator with this e-mail address, or the password is wrong, or the operator may not sign in at the moment: the answer is the same for all of them.",
		"Check the address and the password. Somebody who manages operators can look whether you may sign in, and reset your password."},
	"second-factor-required": {"A code is needed",
		"The password is right, and the operator has a second factor: a code of an authenticator app, or a recovery code. Each code works once.",
		"Send the request again with the field code. Who has lost both the app and the recovery codes asks somebody who manages operators to reset the password."},
	"too-many-failures": {"Too many failures",
		"Sign-in with this e-mail address failed too often from your network. Other networks are not affected.",
		"Wait as long as Retry-After says, in seconds, and try again."},
	"email-taken": {"The e-mail address is taken",
		"Another operator signs in with this e-mail address. Nothing was done.",
		"Choose another address, or change the operator who has it."},
	"last-admin": {"The last admin must stay",
		"After this change nobody could manage operators in the whole installation: no active operator would be an admin there, and no active credential holds operators:write there. Nothing was done.",
		"Make somebody else an admin of the installation first."},
	"not-found": {"Not found",
		"There is no such thing, or it lies outside the organization of your credential: the answer is the same for both.",
		"Check the path and the identifier. A deleted credential is gone for good, but its events remain."},
	"method-not-allowed": {"The method is not allowed here",
		"The path exists, but not with this HTTP method.",
		"The Allow header names the methods that the path has."},
	"name-taken": {"The name is taken",
		"Another credential of the organization, or another tenant with the same parent, has this name already. Nothing was done.",
		"Choose another name, or change the one that has it. The name of what is deleted is free again."},
	"in-use": {"Something hangs on it",
		"A tenant cannot be deleted while it has children or credentials, or is named by a grant, and an API not while anybody holds a grant of it. A change of an API that takes something from credentials, or gives their tokens another audience, is refused as well. The member in_use names the first of those concerned and says how many there are. Nothing was done.",
		"Change or delete those first: nothing is deleted along with something else. A change of an API can be forced with force=true; it then takes from the credentials what no longer fits, for good, and says which lost what. To stop at once, deactivate it."},
	"reserved": {"The server keeps it itself",
		"The API latchkey is the management API of this server, which writes it at every start. Nobody else changes, deactivates or deletes it.",
		"Choose another key for an API of your own."},
	"no-usable-secret": {"The credential has no usable secret",
		"An active credential must be able to authenticate, and every secret of this one has expired or was stopped. Nothing was done.",
		"Deactivate the credential if it is active, make it a new secret by POST to its secrets, and activate it."},
	"rotation-running": {"A rotation is running",
		"The signing keys were rotated a moment ago. The key that would be next has not been published for long enough: verifiers that keep the JWKS, as its Cache-Control allows, do not know it yet. Nothing was done.",
		"Look at the keys: active_from says when the next one signs. If the key that signs now must not be trusted, revoke it; that does not wait."},
	"two-secrets": {"Two secrets are usable already",
		"A credential has at most two usable secrets: the current, and the previous while a rotation is running. Nothing was done.",
		"Wait until the previous secret ends, or end it now: DELETE it among the secrets. To take the rotation back, DELETE the current one instead."},
	"not-previous": {"It is not the previous secret",
		"Only the previous secret has an end that can be moved, and only as long as it is usable. This one is the current, or has ended. Nothing was done.",
		"List the secrets and choose the one of status previous. To replace the current secret, rotate; to end it, DELETE it."},
	"last-secret": {"It is the last usable secret",
		"An active credential that authenticates by a secret always keeps one that is usable. Nothing was done.",
		"Rotate first and then end the secret, or deactivate the credential. A secret that has leaked can be reported, which ends even the last."},
	"keys-instead": {"The credential authenticates by its keys",
		"A credential that authenticates by private_key_jwt has no secrets. Nothing was done.",
		"Change its jwks or jwks_uri. To let it authenticate by a secret, deactivate it, change its auth_method, make it a secret, and activate it."},
	"still-running": {"The request is still being worked on",
		"A request with the same Idempotency-Key arrived before and has not been answered yet. It was not done a second time.",
		"Wait as long as Retry-After says, in seconds, and send it again with the same key: then the answer of the first is repeated."},
	"too-many-requests": {"Too many requests",
		"Requests of this kind come from your address more often than this server answers them. Nothing was done.",
		"Wait as long as Retry-After says, in seconds, and try again."},
	"stale": {"Somebody changed it meanwhile",
		"The If-Match header names another version than there is now, or If-None-Match says that there must be none, so the change was not made: it would have overwritten what somebody else did. The member current_version and the ETag header carry the version of now.",
		"Read it again, decide whether the change is still right, and repeat it with the new ETag."},
	"precondition-required": {"If-Match is required",
		"A change must say which version it is meant for, so that nobody overwrites a change they have not seen.",
		"Read the thing first and send its ETag as If-Match. To change it whatever it is now, send If-Match: *."},
	"too-large": {"The body is too large",
		"The body of the request is larger than this server reads. Nothing was done.",
		"The detail says how many bytes are read. Name whole accounts instead of many workspaces, or make two credentials."},
	"unsupported-media-type": {"The body's type is not supported",
		"The Content-Type header is missing or names a type that is not read here.",
		"Send application/json to create, put and apply, and application/merge-patch+json to change."},
	"unavailable": {"The database cannot be asked at the moment",
		"The server runs but could not reach its database in time, and it never answers from what may be stale. A change may or may not have been made.",
		"Wait as long as Retry-After says, in seconds, and try again. After a change, first read what it is now."},
	"internal": {"Something is wrong on our side",
		"The server failed in a way that it did not expect. The cause is in its log, and never in the answer.",
		"Give the request_id to whoever runs this server: it finds the line in the log."},
}

// problemPage needs neither a style nor a script of its own, so that its security policy can forbid both.
var problemPage = template.Must(template.New("problem").Parse(`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{{with .Known}}{{.Title}}{{else}}Unknown problem{{end}} · Latchkey</title>
</head>
<body>
<main>
{{with .Known -}}
<h1>{{.Title}}</h1>
<h2>What happened</h2>
<p>{{.Happened}}</p>
<h2>What to do</h2>
<p>{{.Remedy}}</p>
{{- else -}}
<h1>Unknown problem</h1>
<p>This server has no problem of this type. It knows these:</p>
<ul>
{{- range $type, $explanation := .All}}
<li><a href="{{$type}}">{{$explanation.Title}}</a></li>
{{- end}}
</ul>
{{- end}}
</main>
</body>
</html>
`))

// ProblemPage answers GET /problems/{type}: the page that a problem's type URI opens (RFC 9457 §3.1.1).
func (a *API) ProblemPage(c *gin.Context) {
	status := http.StatusNotFound
	var content struct {
		Known *explanation
		All   map[string]explanation
	}
	if known, exists := explanations[c.Param("type")]; exists {
		status, content.Known = http.StatusOK, &known
	} else {
		content.All = explanations
	}
	var page bytes.Buffer
	if err := problemPage.Execute(&page, content); err != nil {
		a.fail(c, err)
		return
	}
	c.Header("Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	c.Data(status, "text/html; charset=utf-8", page.Bytes())
}
