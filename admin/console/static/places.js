// Where permissions hold: from what is ticked in the tree to what the API calls applies_to, and back. Pure.
//
// One set of ticks serves all chosen APIs, and each reads it at its own level. A ticked account means all of it: for an
// API of workspaces, every workspace, now and later.

/** @typedef {{accounts: string[], workspaces: string[]}} Ticks */
/** @typedef {{installation?: boolean, org?: boolean, accounts?: string[], workspaces?: string[], all_workspaces_of?: string[]}} Places */

/** @type {Ticks} */
export const nothing = {accounts: [], workspaces: []}

/** @param {string[]} list @param {string} item */
export const toggle = (list, item) => list.includes(item) ? list.filter(x => x !== item) : [...list, item]

/** appliesTo answers where an API of the level holds. parentOf names the account of a workspace.
 * @param {string} level @param {Ticks} ticks @param {(id: string) => string} parentOf @param {boolean} [installation] whether the grant is of the whole installation
 * @returns {Places} */
export const appliesTo = (level, ticks, parentOf, installation = false) => {
	if (level === 'installation') return installation ? {installation: true} : {org: true}
	if (level === 'org') return {org: true}
	if (level === 'account') return {accounts: [...new Set([...ticks.accounts, ...ticks.workspaces.map(parentOf)])]}
	const places = /** @type {Places} */ ({})
	const workspaces = ticks.workspaces.filter(id => !ticks.accounts.includes(parentOf(id)))
	if (workspaces.length) places.workspaces = workspaces
	if (ticks.accounts.length) places.all_workspaces_of = [...ticks.accounts]
	return places
}

/** ticksOf is the reverse for one grant. @param {Places} places @returns {Ticks} */
export const ticksOf = places => ({
	accounts: [...places.accounts ?? [], ...places.all_workspaces_of ?? []],
	workspaces: [...places.workspaces ?? []],
})

/** @param {Places} a @param {Places} b */
export const samePlaces = (a, b) => {
	/** @param {Places} p */
	const key = p => JSON.stringify([!!p.installation, !!p.org, ...[p.accounts, p.workspaces, p.all_workspaces_of].map(list => [...list ?? []].sort())])
	return key(a) === key(b)
}

/** common answers one set of ticks that says what all these grants say, or null if they differ.
 * @param {{level: string, places: Places}[]} grants @param {(id: string) => string} parentOf @returns {Ticks | null} */
export const common = (grants, parentOf) => {
	const placed = grants.filter(g => g.level === 'account' || g.level === 'workspace')
	if (!placed.length) return nothing
	const workspaces = [...new Set(placed.flatMap(g => g.places.workspaces ?? []))]
	const all = [...new Set(placed.flatMap(g => g.places.all_workspaces_of ?? []))]
	const implied = new Set(workspaces.map(parentOf))
	const accounts = [...new Set(placed.flatMap(g => g.places.accounts ?? []))]
	const candidates = [
		{accounts: all, workspaces},
		{accounts: [...new Set([...all, ...accounts.filter(id => !implied.has(id))])], workspaces},
	]
	return candidates.find(ticks => placed.every(g => samePlaces(appliesTo(g.level, ticks, parentOf), g.places))) ?? null
}

/** summarize says where a credential may act, for a cell of the list: the first place, and what else.
 * @param {{applies_to: Places}[]} grants @param {(id: string) => string} nameOf
 * @returns {{first: string, rest: string}} */
export const summarize = (grants, nameOf) => {
	const places = grants.map(g => g.applies_to)
	if (places.some(p => p.installation)) return {first: 'Whole installation', rest: ''}
	if (places.some(p => p.org)) return {first: 'Whole organization', rest: ''}
	const whole = [...new Set(places.flatMap(p => p.all_workspaces_of ?? []))]
	const accounts = [...new Set(places.flatMap(p => p.accounts ?? []))].filter(id => !whole.includes(id))
	const workspaces = [...new Set(places.flatMap(p => p.workspaces ?? []))]
	const all = [...whole, ...accounts, ...workspaces]
	if (!all.length) return {first: 'Nowhere', rest: ''}
	const first = nameOf(all[0])
	if (all.length === 1) {
		return {first, rest: whole.length ? 'every workspace, now and later' : accounts.length ? 'account' : 'workspace'}
	}
	if (all.length === 2) return {first, rest: `and ${nameOf(all[1])}`}
	const noun = accounts.length + whole.length === 0 ? 'workspaces' : workspaces.length === 0 ? 'accounts' : 'places'
	return {first, rest: `and ${all.length - 1} more ${noun}`}
}

/** placeIDs are all tenants that the grants name. @param {{applies_to: Places}[]} grants */
export const placeIDs = grants => [...new Set(grants.flatMap(({applies_to: p}) =>
	[...p.accounts ?? [], ...p.workspaces ?? [], ...p.all_workspaces_of ?? []]))]
