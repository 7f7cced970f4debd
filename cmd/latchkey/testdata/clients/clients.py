"""Does with Authlib what the test asks, as clients.mjs does with the libraries of npm: one JSON request a line on stdin,
one answer a line on stdout.

A request is {method, issuer, client_id, client_secret or private_jwk} to get a token, with inspect or revoke to ask
about one or give it up; with audience, assertions are for the token endpoint, as Authlib has it. A request to verify
one is {issuer, audience, token}. An answer holds token, claims, refused or error.
"""

import json
import sys
import traceback

import requests
from authlib.integrations.requests_client import OAuth2Session, OAuthError
from authlib.jose import JsonWebKey, JsonWebToken
from authlib.oauth2.rfc7523 import PrivateKeyJWT


def discover(issuer):
    return requests.get(issuer + "/.well-known/oauth-authorization-server", timeout=10).json()


def session(request, server):
    method, key = request["method"], request.get("private_jwk")
    made = OAuth2Session(
        request["client_id"], JsonWebKey.import_key(key) if key else request["client_secret"],
        token_endpoint_auth_method=method, revocation_endpoint_auth_method=method)  # The second one is for introspection too.
    if not key:
        return made
    # What Authlib calls token_endpoint is the aud. It has to be the issuer (draft-ietf-oauth-rfc7523bis).
    audience = None if "audience" in request else server["issuer"]
    made.register_client_auth_method(PrivateKeyJWT(audience, alg=key["alg"]))
    return made


def get(request):
    server = discover(request["issuer"])
    client = session(request, server)
    status = []
    client.hooks["response"].append(lambda response, *_, **__: status.append(response.status_code))
    try:
        if "inspect" in request:
            answer = client.introspect_token(server["introspection_endpoint"], token=request["inspect"])
            answer.raise_for_status()
            return {"claims": answer.json()}
        if "revoke" in request:
            client.revoke_token(server["revocation_endpoint"], token=request["revoke"]).raise_for_status()
            return {}
        return {"token": client.fetch_token(server["token_endpoint"], grant_type="client_credentials")["access_token"]}
    except OAuthError as error:
        return {"refused": {"status": status[-1], "code": error.error}}


def verify(request):
    keys = JsonWebKey.import_key_set(requests.get(discover(request["issuer"])["jwks_uri"], timeout=10).json())
    claims = JsonWebToken(["ES256"]).decode(request["token"], keys, claims_options={
        "iss": {"essential": True, "value": request["issuer"]},
        "aud": {"essential": True, "value": request["audience"]},
        "exp": {"essential": True},
    })
    claims.validate()
    if claims.header.get("typ") != "at+jwt":  # RFC 9068 §4, which this Authlib leaves to its caller.
        raise ValueError("not an access token")
    return {"claims": claims}


for line in sys.stdin:
    request = json.loads(line)
    try:
        answer = verify(request) if "token" in request else get(request)
    except Exception:
        answer = {"error": traceback.format_exc()}
    print(json.dumps(answer), flush=True)
