// How the console says times, numbers and states. Pure: time comes in as an argument, in milliseconds.

const minute = 60_000, hour = 60 * minute, dayLength = 24 * hour
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const two = (/** @type {number} */ n) => String(n).padStart(2, '0')

/** @param {number} n @param {string} noun @param {string} [nouns] */
export const count = (n, noun, nouns = noun + 's') => `${n.toLocaleString('en')} ${n === 1 ? noun : nouns}`

/** ago says how long ago a time was; null was never.
 * @param {string | null | undefined} iso @param {number} now */
export const ago = (iso, now) => {
	if (!iso) return 'never'
	const past = now - Date.parse(iso)
	if (past < minute) return 'just now'
	if (past < hour) return `${Math.floor(past / minute)} min ago`
	if (past < dayLength) return `${Math.floor(past / hour)} h ago`
	if (past < 2 * dayLength) return 'yesterday'
	if (past < 120 * dayLength) return `${Math.floor(past / dayLength)} days ago`
	return `${Math.floor(past / (30.44 * dayLength))} months ago`
}

/** span says a length of time in its largest fitting unit, rounded down, but never as nothing.
 * @param {number} length in milliseconds */
export const span = length => {
	if (length < hour) return `${Math.max(1, Math.floor(length / minute))} min`
	if (length < 2 * dayLength) return `${Math.floor(length / hour)} h`
	return count(Math.floor(length / dayLength), 'day')
}

/** seconds says a lifetime that was set in seconds. @param {number} n */
export const seconds = n => {
	if (n % 86400 === 0) return count(n / 86400, 'day')
	if (n % 3600 === 0) return count(n / 3600, 'hour')
	if (n % 60 === 0) return count(n / 60, 'minute')
	return count(n, 'second')
}

/** date is the day, with the year where it is another. @param {string} iso @param {number} now */
export const date = (iso, now) => {
	const then = new Date(iso)
	const year = then.getUTCFullYear() === new Date(now).getUTCFullYear() ? '' : ` ${then.getUTCFullYear()}`
	return `${then.getUTCDate()} ${months[then.getUTCMonth()]}${year}`
}

/** clock is the time of day where the reader is, with the day if that is not today's. @param {string} iso @param {number} now */
export const clock = (iso, now) => {
	const then = new Date(iso), today = new Date(now)
	const time = `${two(then.getHours())}:${two(then.getMinutes())}`
	if (then.toDateString() === today.toDateString()) return time
	if (then.toDateString() === new Date(now + dayLength).toDateString()) return `tomorrow, ${time}`
	return `${then.getDate()} ${months[then.getMonth()]}, ${time}`
}

/** exact is the whole time, in UTC. @param {string} iso */
export const exact = iso => iso.replace('T', ' ').replace(/(\.\d+)?Z$/, ' UTC')

/** secretState says in a few words how a credential's secret is.
 * @param {APICredential} credential @param {number} now @returns {{text: string, tone: '' | 'warn' | 'rot' | 'mute'}} */
export const secretState = (credential, now) => {
	if (credential.auth_method !== 'client_secret') return {text: 'Public key', tone: 'mute'}
	const current = credential.secrets.find(s => s.status === 'current')
	if (!current) return {text: credential.secrets[0]?.status === 'expired' ? 'Expired' : 'Revoked', tone: 'mute'}
	const previous = credential.secrets.find(s => s.status === 'previous')
	if (previous?.stops_at) return {text: `Rotating, ${span(Date.parse(previous.stops_at) - now)} left`, tone: 'rot'}
	if (current.expires_at) {
		const left = Date.parse(current.expires_at) - now
		if (left < 14 * dayLength) return {text: `Expires in ${span(left)}`, tone: 'warn'}
	}
	const age = now - Date.parse(current.created_at)
	if (age < dayLength) return {text: 'New today', tone: ''}
	return {text: `${count(Math.floor(age / dayLength), 'day')} old`, tone: age > 90 * dayLength ? 'warn' : ''}
}

/** spark draws the tokens of some days into 78 by 22: the line, and the area below it. @param {number[]} daily */
export const spark = daily => {
	const most = Math.max(...daily)
	if (!(most > 0)) return null
	const step = 76 / (daily.length - 1)
	const points = daily.map((n, i) => `${(1 + i * step).toFixed(1)} ${(20 - 17 * n / most).toFixed(1)}`)
	const line = 'M' + points.join('L')
	return {line, area: `${line}L77 21L1 21Z`}
}

/** @param {number[]} numbers */
export const sum = numbers => numbers.reduce((a, b) => a + b, 0)

/** actions say an event as what somebody did. */
const actions = /** @type {Record<string, string>} */ ({
	'credential.created': 'created this credential',
	'credential.changed': 'changed it',
	'credential.activated': 'activated it',
	'credential.deactivated': 'deactivated it',
	'credential.deleted': 'deleted it',
	'secret.rotated': 'rotated the secret',
	'secret.rescheduled': 'moved the end of the old secret',
	'secret.stopped': 'stopped a secret',
	'secret.reported': 'reported the secret as leaked',
})

/** @param {string} action */
export const did = action => actions[action] ?? action.replace(/^credential\./, '').replace(/[._]/g, ' ')

const fields = /** @type {Record<string, string>} */ ({
	name: 'Name', note: 'Note', owner: 'Owner', status: 'Status', grants: 'Access', token_lifetime: 'Token lifetime',
	token_quota_per_hour: 'Tokens per hour', token_quota_per_day: 'Tokens per day',
	dpop_required: 'DPoP required', allowed_cidrs: 'Networks', auth_method: 'Authentication', jwks: 'Public keys', jwks_uri: 'Public keys at',
})

/** @param {string} key */
export const field = key => fields[key] ?? key.replace(/_/g, ' ')

/** plain writes a value of a change for people. @param {unknown} value @returns {string} */
export const plain = value => {
	if (value === null || value === undefined || value === '' || Array.isArray(value) && value.length === 0) return 'nothing'
	if (typeof value !== 'object') return String(value)
	if (Array.isArray(value)) return value.map(plain).join('\n')
	const grant = /** @type {Grant} */ (value)
	if (grant.api && grant.permissions) return grant.permissions.map(p => `${grant.api}:${p}`).join(' ') + ' in ' + placeIDs(grant).join(', ')
	return JSON.stringify(value)
}

/** @param {Grant} grant */
const placeIDs = grant => {
	const {installation, org, accounts = [], workspaces = [], all_workspaces_of = []} = grant.applies_to
	if (installation) return ['the whole installation']
	if (org) return ['the whole organization']
	return [...accounts, ...workspaces, ...all_workspaces_of.map(id => `all of ${id}`)]
}
