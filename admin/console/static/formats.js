// The forms in which a secret is handed on. Pure.

/** @typedef {{name: string, tokenURL: string, clientID: string, secret: string, scope: string}} Handover */
/** @typedef {{key: string, label: string, extension: string, download: boolean, write: (h: Handover) => string}} Format */

/** inEnv quotes a value so that shells, Docker and systemd read the same from it. @param {string} value */
export const inEnv = value => /^[\w@%+=:,./-]*$/.test(value) ? value : `'${value.replace(/'/g, `'\\''`)}'`

/** inShell quotes a word for a POSIX shell. @param {string} word */
export const inShell = word => /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replace(/'/g, `'\\''`)}'`

/** slug makes the name of a file, or of a Kubernetes object (RFC 1123), of a credential's name. @param {string} name */
export const slug = name => name.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-+|-+$/g, '').slice(0, 60)
	.replace(/-+$/, '') || 'credential'

/** curl asks for a token. Without a secret it takes one from the environment, as a command that others may see should.
 * @param {Pick<Handover, 'tokenURL' | 'clientID' | 'scope'> & {secret?: string}} h */
export const curl = ({tokenURL, clientID, secret, scope}) => [
	`curl ${inShell(tokenURL)}`,
	`  -u ${secret ? inShell(`${clientID}:${secret}`) : `"${clientID}:$CLIENT_SECRET"`}`,
	'  -d grant_type=client_credentials',
	...scope ? [`  -d scope=${inShell(scope)}`] : [],
].join(' \\\n')

/** @type {Format[]} */
export const formats = [
	{
		key: 'env', label: '.env', extension: '.env', download: true,
		write: h => `TOKEN_URL=${inEnv(h.tokenURL)}\nCLIENT_ID=${inEnv(h.clientID)}\nCLIENT_SECRET=${inEnv(h.secret)}\n`,
	},
	{
		key: 'json', label: 'JSON', extension: '.json', download: true,
		write: h => JSON.stringify({token_url: h.tokenURL, client_id: h.clientID, client_secret: h.secret}, null, 2) + '\n',
	},
	{key: 'curl', label: 'curl', extension: '.sh', download: false, write: h => curl(h) + '\n'},
	{
		key: 'kubernetes', label: 'Kubernetes', extension: '.yaml', download: true,
		write: h => [
			'apiVersion: v1', 'kind: Secret', 'metadata:', `  name: ${slug(h.name)}`, 'type: Opaque', 'stringData:',
			`  TOKEN_URL: ${JSON.stringify(h.tokenURL)}`, `  CLIENT_ID: ${JSON.stringify(h.clientID)}`,
			`  CLIENT_SECRET: ${JSON.stringify(h.secret)}`, '',
		].join('\n'),
	},
]

/** mask hides a secret but for its last four characters, in the width of a short one. @param {string} secret */
export const mask = secret => '•'.repeat(24) + secret.slice(-4)

/** decode answers the header and the claims of a JWT, which anybody can read. It verifies nothing.
 * @param {string} token @returns {[Record<string, unknown>, Record<string, unknown>]} */
export const decode = token => {
	const [header, claims] = token.split('.').slice(0, 2).map(part => {
		const bytes = Uint8Array.from(atob(part.replace(/-/g, '+').replace(/_/g, '/')), c => c.charCodeAt(0))
		return JSON.parse(new TextDecoder().decode(bytes))
	})
	return [header, claims]
}

/** pretty writes JSON for reading: what holds no list or object of its own stands on one line.
 * @param {unknown} value @param {string} [indent] @returns {string} */
export const pretty = (value, indent = '') => {
	if (typeof value !== 'object' || value === null) return JSON.stringify(value)
	const inner = indent + '  ', flat = Object.values(value).every(item => typeof item !== 'object')
	const [open, close] = Array.isArray(value) ? '[]' : '{}'
	const items = Array.isArray(value) ? value.map(item => pretty(item, inner))
		: Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${pretty(item, inner)}`)
	return flat ? open + items.join(', ') + close : `${open}\n${inner}${items.join(`,\n${inner}`)}\n${indent}${close}`
}
