// Does with the libraries of npm what the test asks: one JSON request a line on stdin, one answer a line on stdout.
// A request is {library, method, issuer, client_id, client_secret or private_jwk} to get a token, or {library, issuer, jwks_uri,
// audience, token} to verify one; with dpop, the token is bound to a new key; with max_age, in seconds, the verifier keeps the keys for so long.
// With inspect, a token, the claims are those of its introspection, signed ones if signed; with revoke, that token is given
// up. An answer holds token, claims, refused or error.
import { createInterface } from 'node:readline'
import { createRemoteJWKSet, importJWK, jwtVerify } from 'jose'
import buildGetJwks from 'get-jwks'
import { createVerifier } from 'fast-jwt'
import jsonwebtoken from 'jsonwebtoken'
import jwksRsa from 'jwks-rsa'
import * as oauth4webapi from 'oauth4webapi'
import * as openidClient from 'openid-client'

const libraries = {
  async oauth4webapi(request) {
    const plainHTTP = { [oauth4webapi.allowInsecureRequests]: true }
    const issuer = new URL(request.issuer)
    const discovered = await oauth4webapi.discoveryRequest(issuer, { algorithm: 'oauth2', ...plainHTTP })
    const server = await oauth4webapi.processDiscoveryResponse(issuer, discovered)
    const client = { client_id: request.client_id }
    if (request.revoke) {
      await oauth4webapi.processRevocationResponse(await oauth4webapi.revocationRequest(
        server, client, await authenticate(oauth4webapi, request), request.revoke, plainHTTP))
      return {}
    }
    if (request.inspect) {
      const response = await oauth4webapi.introspectionRequest(
        server, client, await authenticate(oauth4webapi, request), request.inspect,
        { ...plainHTTP, requestJwtResponse: request.signed })
      const claims = await oauth4webapi.processIntrospectionResponse(server, client, response)
      if (request.signed) await oauth4webapi.validateApplicationLevelSignature(server, response, plainHTTP)
      return { claims }
    }
    const DPoP = request.dpop && oauth4webapi.DPoP(client, await oauth4webapi.generateKeyPair('ES256'))
    const ask = async () => oauth4webapi.processClientCredentialsResponse(server, client,
      await oauth4webapi.clientCredentialsGrantRequest(
        server, client, await authenticate(oauth4webapi, request), {}, { ...plainHTTP, DPoP }))
    const { access_token } = await ask().catch((error) => {
      if (oauth4webapi.isDPoPNonceError(error)) return ask() // Its DPoP has kept the nonce.
      throw error
    })
    return { token: access_token }
  },

  async 'openid-client'(request) {
    const config = await openidClient.discovery(
      new URL(request.issuer), request.client_id, undefined, await authenticate(openidClient, request),
      { algorithm: 'oauth2', execute: [openidClient.allowInsecureRequests] })
    if (request.revoke) {
      await openidClient.tokenRevocation(config, request.revoke)
      return {}
    }
    if (request.inspect) return { claims: await openidClient.tokenIntrospection(config, request.inspect) }
    const DPoP = request.dpop && openidClient.getDPoPHandle(config, await openidClient.randomDPoPKeyPair('ES256'))
    const { access_token } = await openidClient.clientCredentialsGrant(config, {}, { DPoP })
    return { token: access_token }
  },

  async jose({ issuer, jwks_uri, audience, token, max_age }) {
    const keys = kept('jose', jwks_uri, max_age, () => createRemoteJWKSet(new URL(jwks_uri),
      max_age ? { cacheMaxAge: max_age * 1000, cooldownDuration: max_age * 1000 } : {}))
    const { payload } = await jwtVerify(token, keys, { issuer, audience, typ: 'at+jwt' })
    return { claims: payload }
  },

  async 'jwks-rsa'({ issuer, jwks_uri, audience, token, max_age }) {
    const keys = kept('jwks-rsa', jwks_uri, max_age, () => jwksRsa({ jwksUri: jwks_uri, cacheMaxAge: max_age * 1000 }))
    const { kid } = jsonwebtoken.decode(token, { complete: true }).header
    const key = await keys.getSigningKey(kid)
    return { claims: jsonwebtoken.verify(token, key.getPublicKey(), { issuer, audience, algorithms: ['ES256'] }) }
  },

  async 'get-jwks'({ issuer, jwks_uri, audience, token, max_age }) {
    const verify = kept('get-jwks', jwks_uri, max_age, () => {
      const keys = buildGetJwks({ jwksPath: new URL(jwks_uri).pathname, ttl: max_age * 1000 })
      const key = ({ header: { kid, alg } }) => keys.getPublicKey({ kid, alg, domain: new URL(jwks_uri).origin })
      return createVerifier({ key, allowedIss: issuer, allowedAud: audience, algorithms: ['ES256'] })
    })
    return { claims: await verify(token) }
  },
}

// authenticate makes what a library authenticates its client by: a secret, or a private key.
async function authenticate(library, { method, client_secret, private_jwk }) {
  if (!private_jwk) return library[method](client_secret)
  const { alg, kid } = private_jwk
  return library[method]({ key: await importJWK(private_jwk, alg), kid })
}

// kept answers the same verifier again, if it is to keep the keys.
const verifiers = new Map()
function kept(library, jwks_uri, max_age, make) {
  if (!max_age) return make()
  const name = `${library} ${jwks_uri}`
  if (!verifiers.has(name)) verifiers.set(name, make())
  return verifiers.get(name)
}

// explain reads the errors of oauth4webapi, which openid-client throws too.
async function explain(error) {
  if (error instanceof oauth4webapi.ResponseBodyError) {
    return { refused: { status: error.status, code: error.error } }
  }
  // RFC 9110 §15.5.2 wants a challenge with every 401. Where there is one, the body is left to the caller.
  if (error instanceof oauth4webapi.WWWAuthenticateChallengeError && error.cause.some(({ scheme }) => scheme === 'basic')) {
    const body = await error.response.json()
    return { refused: { status: error.status, code: body.error } }
  }
  return { error: error.stack }
}

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line)
  console.log(JSON.stringify(await libraries[request.library](request).catch(explain)))
}
