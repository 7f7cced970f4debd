// The addresses of the console: #/c/cid_…/secrets?status=active. Pure. The path says what is shown, the query what the
// list is narrowed to and which dialog is open, so that Back and a copied link do what one expects.

/** @typedef {{page: string, id: string, tab: string, query: URLSearchParams}} Route */

export const tabs = ['overview', 'secrets', 'try']
const pages = ['keys', 'audit', 'refusals', 'new']

/** filters of the list that the API takes by the same name. */
export const filters = ['q', 'status', 'api', 'where', 'sort', 'attention', 'org_id']

/** acts are the dialogs: each a parameter that names a credential. */
export const acts = ['edit', 'rotate', 'delete']

/** @param {string} hash @returns {Route} */
export const parse = hash => {
	const [path, search = ''] = hash.replace(/^#\/?/, '').split(/\?(.*)/s)
	const [first = '', second = '', third = ''] = path.split('/').map(unescape)
	const query = new URLSearchParams(search)
	if (first === 'c' && second) return {page: 'list', id: second, tab: tabs.includes(third) ? third : 'overview', query}
	return {page: pages.includes(first) ? first : 'list', id: '', tab: 'overview', query}
}

/** @param {string} text */
const unescape = text => {
	try {
		return decodeURIComponent(text)
	} catch {
		return text
	}
}

/** address answers the hash of a route with some of it changed. Of the query, null removes a parameter; what opens a
 * dialog, or fills it, goes unless it is named.
 * @param {Route} route
 * @param {{page?: string, id?: string, tab?: string, set?: Record<string, string | null>}} [change] */
export const address = (route, {page = route.page === 'new' ? 'list' : route.page, id = route.id, tab = 'overview', set = {}} = {}) => {
	const query = new URLSearchParams()
	for (const name of filters) {
		const value = route.query.get(name)
		if (value && !(name in set)) query.set(name, value)
	}
	for (const [name, value] of Object.entries(set)) if (value !== null) query.set(name, value)
	const path = page !== 'list' ? page : id ? `c/${encodeURIComponent(id)}${tab === 'overview' ? '' : '/' + tab}` : ''
	const search = query.toString()
	return `#/${path}${search && '?' + search}`
}
