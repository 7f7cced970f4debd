// An OpenID Connect provider in a process of its own, with its own page to sign in on: whoever comes is who they say.
import {Provider} from 'oidc-provider'
import {generateKeyPairSync} from 'node:crypto'

const {PROVIDER_ADDRESS: address, PROVIDER_REDIRECT: redirect, PROVIDER_SECRET: secret} = process.env
const groups = {ada: ['latchkey-admins', 'others'], eve: ['others']}
const provider = new Provider(`http://${address}`, {
	clients: [{client_id: 'latchkey', client_secret: secret, redirect_uris: [redirect], grant_types: ['authorization_code'], response_types: ['code']}],
	claims: {openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'], groups: ['groups']},
	jwks: {keys: [{...generateKeyPairSync('ec', {namedCurve: 'P-256'}).privateKey.export({format: 'jwk'}), use: 'sig', alg: 'ES256'},
		{...generateKeyPairSync('rsa', {modulusLength: 2048}).privateKey.export({format: 'jwk'}), use: 'sig', alg: 'RS256'}]},
	cookies: {keys: [secret]},
	pkce: {required: () => true},
	findAccount: (_, id) => ({
		accountId: id,
		claims: () => ({sub: id, email: `${id}@people.example`, email_verified: true, name: `<b>${id}</b>`, groups: groups[id] ?? []}),
	}),
})
const {hostname, port} = new URL(`http://${address}`)
provider.listen(Number(port), hostname, () => console.log('listening'))
