// What somebody is entering in the dialog, and what it becomes for the API. Pure.
import {appliesTo, common, nothing, samePlaces, ticksOf} from './places.js'

/** @typedef {import('./places.js').Ticks} Ticks */
/** @typedef {{
 *   name: string, note: string, owner: string, expires: string, lifetime: string, hourly: string, daily: string, dpop: boolean, networks: string, orgID: string,
 *   grants: Record<string, string[]>, places: Record<string, Ticks>, installation: string[],
 * }} Draft */
/** @typedef {{apis: API[], parentOf: (id: string) => string}} World the catalogue and the tree */

/** everywhere is the key of the ticks that serve all APIs which have none of their own. */
export const everywhere = '*'

/** @returns {Draft} */
export const blank = () => ({
	name: '', note: '', owner: '', expires: '365', lifetime: '', hourly: '', daily: '', dpop: false, networks: '', orgID: '', grants: {}, places: {[everywhere]: nothing}, installation: [],
})

/** draftOf is the draft of a credential as it is. @param {APICredential} credential @param {World} world @returns {Draft} */
export const draftOf = (credential, {apis, parentOf}) => {
	const grants = credential.grants.map(g => ({key: g.api, level: levelOf(apis, g), places: g.applies_to}))
	const shared = common(grants, parentOf)
	const own = shared ? {} : Object.fromEntries(grants.filter(placed).map(g => [g.key, ticksOf(g.places)]))
	return {
		name: credential.name, note: credential.note, owner: credential.owner, expires: '', orgID: credential.org_id,
		lifetime: textOf(credential.token_lifetime / 60), networks: credential.allowed_cidrs.join('\n'),
		hourly: textOf(credential.token_quota_per_hour), daily: textOf(credential.token_quota_per_day), dpop: credential.dpop_required,
		grants: Object.fromEntries(credential.grants.map(g => [g.api, g.permissions])),
		places: {[everywhere]: shared ?? nothing, ...own},
		installation: credential.grants.filter(g => g.applies_to.installation).map(g => g.api),
	}
}

/** @param {API[]} apis @param {Grant} grant */
const levelOf = (apis, grant) => apis.find(a => a.key === grant.api)?.level ??
	(grant.applies_to.accounts ? 'account' : grant.applies_to.org || grant.applies_to.installation ? 'org' : 'workspace')

/** @param {{level: string}} grant */
const placed = ({level}) => level === 'account' || level === 'workspace'

/** placesOf is where one API of the draft holds; nothing is undefined. @param {Draft} draft @param {string} key @param {World} world */
export const placesOf = (draft, key, {apis, parentOf}) => {
	const level = apis.find(a => a.key === key)?.level ?? 'workspace'
	const places = appliesTo(level, draft.places[key] ?? draft.places[everywhere], parentOf, draft.installation.includes(key))
	return Object.values(places).some(value => value === true || Array.isArray(value) && value.length > 0) ? places : undefined
}

/** grantsOf are the grants of the draft. Those that a credential holds already stay as they are written there, so that
 * they are not judged again. @param {Draft} draft @param {World} world @param {Grant[]} [held] @returns {NewGrant[]} */
export const grantsOf = (draft, world, held = []) => Object.entries(draft.grants).map(([api, permissions]) => {
	const grant = {api, permissions, applies_to: placesOf(draft, api, world)}
	return held.find(h => sameGrant(h, grant)) ?? grant
})

/** @param {NewGrant} a @param {NewGrant} b */
const sameGrant = (a, b) => a.api === b.api && String([...a.permissions ?? []].sort()) === String([...b.permissions ?? []].sort()) &&
	samePlaces(a.applies_to ?? {}, b.applies_to ?? {})

/** @param {string} text */
const networksOf = text => text.split(/[\s,]+/).filter(Boolean)

/** textOf writes a limit; without one, nothing. @param {number} n */
const textOf = n => n ? String(n) : ''

/** lifetimeOf turns minutes into seconds. What is no number is left for the server to refuse. @param {string} minutes */
const lifetimeOf = minutes => minutes.trim() === '' ? 0 : Math.round(Number(minutes) * 60)

/** quotaOf reads a number of tokens. What is none is sent as it is, for the server to refuse: JSON would make it null, which
 * takes the quota away. @param {string} text */
const quotaOf = text => /** @type {number} */ (Number.isFinite(Number(text)) ? Number(text) : text)

/** created is the body that makes the draft. @param {Draft} draft @param {World} world @param {number} now @returns {NewCredential} */
export const created = (draft, world, now) => ({
	name: draft.name.trim(), grants: grantsOf(draft, world),
	...draft.note.trim() && {note: draft.note.trim()},
	...draft.owner.trim() && {owner: draft.owner.trim()},
	...draft.orgID && {org_id: draft.orgID},
	...draft.lifetime.trim() && {token_lifetime: lifetimeOf(draft.lifetime)},
	...draft.hourly.trim() && {token_quota_per_hour: quotaOf(draft.hourly)},
	...draft.daily.trim() && {token_quota_per_day: quotaOf(draft.daily)},
	...draft.dpop && {dpop_required: true},
	...draft.networks.trim() && {allowed_cidrs: networksOf(draft.networks)},
	...draft.expires && {secret_expires_at: new Date(now + Number(draft.expires) * 86_400_000).toISOString()},
})

/** changed is the merge patch that makes the draft of the credential: only what is different.
 * @param {Draft} draft @param {APICredential} base @param {World} world @returns {CredentialChange} */
export const changed = (draft, base, world) => {
	const before = draftOf(base, world)
	const grants = grantsOf(draft, world, base.grants)
	const same = grants.length === base.grants.length && grants.every(g => base.grants.some(h => sameGrant(g, h)))
	return {
		...draft.name.trim() !== base.name && {name: draft.name.trim()},
		...draft.note.trim() !== base.note && {note: draft.note.trim()},
		...draft.owner.trim() !== base.owner && {owner: draft.owner.trim()},
		...draft.lifetime.trim() !== before.lifetime && {token_lifetime: lifetimeOf(draft.lifetime)},
		...draft.hourly.trim() !== before.hourly && {token_quota_per_hour: quotaOf(draft.hourly)},
		...draft.daily.trim() !== before.daily && {token_quota_per_day: quotaOf(draft.daily)},
		...String(networksOf(draft.networks)) !== String(base.allowed_cidrs) && {allowed_cidrs: networksOf(draft.networks)},
		...!same && {grants},
	}
}

/** rebased is the draft as if it had been begun on what others made of the credential meanwhile: what was not changed
 * here is as it is there. @param {Draft} draft @param {APICredential} base @param {APICredential} theirs @param {World} world @returns {Draft} */
export const rebased = (draft, base, theirs, world) => {
	const mine = changed(draft, base, world), there = draftOf(theirs, world)
	return {
		...draft,
		name: 'name' in mine ? draft.name : there.name,
		note: 'note' in mine ? draft.note : there.note,
		owner: 'owner' in mine ? draft.owner : there.owner,
		lifetime: 'token_lifetime' in mine ? draft.lifetime : there.lifetime,
		hourly: 'token_quota_per_hour' in mine ? draft.hourly : there.hourly,
		daily: 'token_quota_per_day' in mine ? draft.daily : there.daily,
		dpop: there.dpop,
		networks: 'allowed_cidrs' in mine ? draft.networks : there.networks,
		...!('grants' in mine) && {grants: there.grants, places: there.places, installation: there.installation},
	}
}

/** prefilled is the draft that a link asks for: #/new?name=…&allow=profile:read&in=ws_eu_prod. Nothing is made by it.
 * @param {URLSearchParams} query @param {World} world @param {(id: string) => string} levelOfPlace @returns {Draft} */
export const prefilled = (query, {apis}, levelOfPlace) => {
	const draft = blank()
	draft.name = query.get('name') ?? ''
	for (const scope of query.getAll('allow').flatMap(text => text.split(/[\s,]+/))) {
		const [key, permission] = scope.split(':')
		const api = apis.find(a => a.key === key)
		if (!api) continue
		const known = api.permissions.some(p => p.key === permission) ? [permission] : []
		draft.grants[key] = api.choice === 'one' ? known : [...draft.grants[key] ?? [], ...known]
	}
	const ids = query.getAll('in').flatMap(text => text.split(',')).filter(Boolean)
	draft.places[everywhere] = {
		accounts: ids.filter(id => levelOfPlace(id) === 'account'), workspaces: ids.filter(id => levelOfPlace(id) === 'workspace'),
	}
	return draft
}

/** errorsOf puts what is wrong to the fields: by name, and of grants by API. order names the APIs as they were sent.
 * @param {{pointer: string, code: string, detail: string}[]} errors @param {string[]} order */
export const errorsOf = (errors, order) => {
	const fields = /** @type {Record<string, string>} */ ({}), grants = /** @type {Record<string, Record<string, string>>} */ ({})
	for (const {pointer, detail} of errors) {
		const [, field, index, part = 'api'] = pointer.split('/')
		const text = detail.charAt(0).toUpperCase() + detail.slice(1) + '.'
		if (field === 'grants' && index !== undefined) {
			const of = grants[order[Number(index)]] ??= {}
			of[part] ??= text
		} else {
			fields[field] ??= text
		}
	}
	return {fields, grants}
}
