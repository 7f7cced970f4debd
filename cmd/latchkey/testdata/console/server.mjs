// The server under test, as its management API and its token endpoint show it: what the stories begin with, and how
// others work on it while somebody looks at the console.

import {createHmac} from 'node:crypto'

const {CONSOLE_ISSUER: issuer, CONSOLE_CLIENT_ID: clientID, CONSOLE_CLIENT_SECRET: clientSecret} = process.env
export {issuer}

/** token answers the status and the body of a token request. */
export const token = async (id, secret, scope) => {
	const form = new URLSearchParams({grant_type: 'client_credentials', ...scope && {scope}})
	const response = await fetch(`${issuer}/oauth/token`, {method: 'POST', body: form, headers: {Authorization: `Basic ${btoa(`${id}:${secret}`)}`}})
	return {status: response.status, ...await response.json()}
}

let bearer

/** api asks as a program that may do everything. */
export const api = async (method, path, body, headers = {}) => {
	bearer ??= (await token(clientID, clientSecret)).access_token
	const response = await fetch(`${issuer}/admin/v1/${path}`, {
		method, body: body && JSON.stringify(body),
		headers: {Authorization: `Bearer ${bearer}`, ...body && {'Content-Type': 'application/json'}, ...headers},
	})
	if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
	return response.status === 204 ? undefined : response.json()
}

export const password = 'correct horse battery staple'

/** hire makes an operator who can sign in. */
export const hire = async (name, roles) => {
	const email = `${name.toLowerCase().replace(/\W+/g, '.')}@example.com`
	const {id, password_token} = await api('POST', 'operators', {email, name, roles: roles.map(role => ({role, org_id: null}))})
	const response = await fetch(`${issuer}/admin/v1/password`, {
		method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify({token: password_token, password}),
	})
	if (!response.ok) throw new Error(await response.text())
	return {id, email, name}
}

/** invite makes an operator who has yet to set a password, and answers the link to do so. */
export const invite = async name => {
	const email = `${name}@example.com`
	const {id, password_token} = await api('POST', 'operators', {email, name, roles: [{role: 'viewer', org_id: null}]})
	return {id, email, link: `${issuer}/console/#/welcome?${new URLSearchParams({email, token: password_token})}`}
}

/** totp answers what an authenticator app shows (RFC 6238), a few steps from now. */
export const totp = (key, steps = 0) => {
	const bits = [...key].map(char => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(char).toString(2).padStart(5, '0')).join('')
	const counter = Buffer.alloc(8)
	counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + steps))
	const digest = createHmac('sha1', Buffer.from(bits.match(/.{8}/g).map(byte => parseInt(byte, 2)))).update(counter).digest()
	const at = digest.at(-1) & 15
	return String((digest.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, '0')
}

/** register makes a credential with these grants, as `profile:read@ws_eu_prod,ws_us_prod`. */
export const register = async (name, grants, other = {}) => {
	const levels = {platform: 'accounts', 'custom-roles': 'org'}
	return api('POST', 'credentials', {
		name, org_id: 'org_example', ...other,
		grants: grants.map(text => {
			const [, key, permissions, places = ''] = text.match(/^([\w-]+):([\w|]+)(?:@(.*))?$/)
			const ids = places.split(',').filter(Boolean)
			const all = ids.some(id => id.startsWith('acc_')) && key !== 'platform'
			const applies_to = levels[key] === 'org' ? {org: true} : {[levels[key] ?? (all ? 'all_workspaces_of' : 'workspaces')]: ids}
			return {api: key, permissions: permissions.split('|'), applies_to}
		}),
	})
}

const inDays = days => new Date(Date.now() + days * 86_400_000).toISOString()

/** settle makes what the stories find when they begin. */
export const settle = async () => {
	const people = {
		admin: await hire('Maya Lindqvist', ['admin', 'custom_role_admin']),
		compliance: await hire('Jonas Weber', ['compliance_admin']),
		viewer: await hire('Priya Raman', ['viewer']),
	}
	const fraud = await register('Fraud scoring worker', ['profile:read@ws_eu_prod,ws_us_prod,ws_eu_staging', 'data-plans:write@ws_eu_prod,ws_us_prod,ws_eu_staging'],
		{owner: 'risk-platform@aurora.example'})
	const sync = await register('Warehouse sync', ['data-plans:read|write@acc_eu'])
	const nightly = await register('Nightly profile export', ['profile:read@ws_eu_prod,ws_us_prod'])
	const smoke = await register('CI smoke tests', ['data-plans:write@ws_eu_staging,ws_us_staging'], {secret_expires_at: inDays(6.5)})
	const terraform = await register('Terraform platform', ['platform:admin@acc_eu,acc_us'])
	const roles = await register('Role sync', ['custom-roles:admin'])
	const pilot = await register('Nordics pilot dashboard', ['profile:read@ws_us_dev'])
	const legacy = await register('Legacy POS bridge', ['data-plans:write@ws_us_staging'])
	for (const [credential, n] of [[fraud, 5], [sync, 3], [nightly, 2], [smoke, 2], [terraform, 1], [roles, 1]]) {
		for (let i = 0; i < n; i++) await token(credential.client_id, credential.client_secret)
	}
	for (let i = 0; i < 3; i++) await token(fraud.client_id, fraud.client_secret, 'platform:admin')
	await api('POST', `credentials/${fraud.client_id}/secrets`, {overlap: 86400})
	await api('POST', `credentials/${legacy.client_id}/deactivate`)
	await new Promise(resolve => setTimeout(resolve, 600)) // What happened is stored every few moments.
	return {people, fraud, sync, nightly, smoke, terraform, roles, pilot, legacy}
}
