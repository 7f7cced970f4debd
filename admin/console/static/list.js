// The list of credentials: search, filters and tabs, a page at a time.
import {html, useEffect, useRef, useState} from './vendor/preact.js'
import {call} from './api.js'
import {placeIDs, summarize} from './places.js'
import {Choice, Copy, Icon, Pages, Switch, Time, onText, usePages} from './ui.js'
import {ago, count, secretState, spark, sum} from './words.js'

const reasons = /** @type {const} */ ([
	['', 'Any reason'],
	['secret_expiring', 'Secret expires soon'],
	['unused', 'Unused for 90 days'],
	['old_secret_in_use', 'Old secret still used'],
	['refused_requests', 'Requests refused'],
])
const anyReason = 'any'

/** query answers what the route's filters are called by the API. @param {URLSearchParams} params @param {string} orgID */
const queryOf = (params, orgID) => ({
	q: params.get('q') ?? '',
	status: /** @type {'active' | 'inactive' | undefined} */ (params.get('status') ?? undefined),
	api: params.get('api') ?? '',
	where: params.get('where') ?? '',
	org_id: orgID,
	sort: /** @type {Sort} */ (params.get('sort') ?? '-last_used_at'),
	limit: 25,
})

/** fetchPage answers a page of the list. What needs attention for any reason is asked for by each reason, and put together.
 * @param {URLSearchParams} params @param {string} orgID @param {string | undefined} cursor @param {AbortSignal} [signal] */
const fetchPage = async (params, orgID, cursor, signal) => {
	const query = queryOf(params, orgID), attention = params.get('attention')
	if (attention !== anyReason) {
		const {data} = await call('get', '/admin/v1/credentials', {query: {...query, attention: /** @type {Attention} */ (attention ?? undefined), cursor}, signal})
		return data
	}
	const answers = await Promise.all(reasons.slice(1).map(([reason]) =>
		call('get', '/admin/v1/credentials', {query: {...query, limit: 100, attention: /** @type {Attention} */ (reason)}, signal})))
	const rows = new Map(answers.flatMap(({data}) => data.data.map(c => [c.client_id, c])))
	return {data: [...rows.values()].sort((a, b) => (b.last_used_at ?? '').localeCompare(a.last_used_at ?? '')), next_cursor: null}
}

/** List is the page, and the first thing that is painted.
 * @param {{app: App}} props */
export const List = ({app}) => {
	const {route} = app, params = route.query
	const key = JSON.stringify([queryOf(params, app.orgID), params.get('attention'), app.version])
	const pages = usePages((cursor, signal) => fetchPage(params, app.orgID, cursor, signal), [key]), {rows, loaded} = pages
	useEffect(() => { if (loaded) app.tree.ensure(placeIDs(rows.flatMap(c => c.grants))) }, [rows])
	useEffect(() => { if (loaded) app.keepRows(rows) }, [rows])
	const counts = useCounts(params, app, pages)
	const narrowed = ['q', 'status', 'api', 'where', 'attention'].some(name => params.get(name))
	if (loaded && rows.length === 0 && !narrowed && !pages.problem) return html`<${Head} app=${app}/><${Empty} app=${app}/>`
	return html`
		<${Head} app=${app}/>
		<${Filters} app=${app} counts=${counts}/>
		${!loaded && !pages.problem && html`<${Skeleton}/>`}
		<${Pages} of=${pages} noun="credential" none=${html`<h2>No credential matches</h2><p class="mute">${narrowing(params, app)}</p>
			<a class="btn" href=${app.link({set: {q: null, status: null, api: null, where: null, attention: null}})}>Clear filters</a>`}
			keys=${app.keys && html`<span class="keys"><span><kbd>J</kbd><kbd>K</kbd> move</span><span><kbd>Enter</kbd> open</span><span><kbd>A</kbd> activate or deactivate</span><span><kbd>?</kbd> all shortcuts</span></span>`}>
			<${Table} app=${app} rows=${rows}/></${Pages}>`
}

/** Head is the title with the one primary action. @param {{app: App}} props */
const Head = ({app}) => {
	const may = app.may('credentials:write')
	return html`<div class="head"><div class="grow"><h1>API credentials</h1><p>Client IDs and secrets that let your software get access tokens.</p></div>
		<a class="btn primary" href=${may ? '#/new' : undefined} role=${may ? undefined : 'link'} data-off=${may ? undefined : ''}
			aria-disabled=${may ? undefined : 'true'} aria-describedby=${may ? undefined : 'ro'} tabindex="0"><${Icon} name="plus"/>New credential
			${app.keys && may && html`<kbd aria-hidden="true">N</kbd>`}</a></div>
		${!may && html`<p class="note gap" id="ro"><${Icon} name="lock"/><span>You can view credentials. Admins and Compliance Admins can create and change them.</span></p>`}`
}

/** useCounts answers how many rows each tab has, where that is known without asking: when all of them are here.
 * @param {URLSearchParams} params @param {App} app @param {{rows: APICredential[], next: string | null, loaded: boolean}} pages */
const useCounts = (params, app, {rows, next, loaded}) => {
	const scope = JSON.stringify([params.get('q'), params.get('api'), params.get('where'), app.orgID])
	const kept = useRef({scope: '', version: -1, counts: /** @type {Record<string, number>} */ ({})})
	if (kept.current.scope !== scope || kept.current.version !== app.version) kept.current = {scope, version: app.version, counts: {}}
	if (loaded && !next && !params.get('status') && !params.get('attention')) {
		const active = rows.filter(c => c.status === 'active').length
		kept.current.counts = {
			'': rows.length, active, inactive: rows.length - active,
			attention: rows.filter(c => c.attention.length > 0).length,
		}
	}
	return kept.current.counts
}

/** @param {{app: App, counts: Record<string, number>}} props */
const Filters = ({app, counts}) => {
	const params = app.route.query
	const [text, setText] = useState(params.get('q') ?? '')
	const timer = useRef(/** @type {number | undefined} */ (undefined))
	useEffect(() => { if (timer.current === undefined) setText(params.get('q') ?? '') }, [params.get('q')])
	/** @param {string} value */
	const search = value => {
		setText(value)
		clearTimeout(timer.current)
		timer.current = setTimeout(() => {
			timer.current = undefined
			app.go(app.link({set: {q: value.trim() || null}}), true)
		}, 200)
	}
	const tab = params.get('attention') ? 'attention' : params.get('status') ?? ''
	/** @param {string} value */
	const choose = value => app.go(app.link({set: {
		status: value === 'active' || value === 'inactive' ? value : null, attention: value === 'attention' ? anyReason : null,
	}}))
	const label = (/** @type {string} */ value, /** @type {string} */ text) => ({value, label: html`${text}${counts[value] !== undefined && html`<span>${counts[value]}</span>`}`})
	const places = placeOptions(app)
	const narrow = (/** @type {string} */ name) => onText(value => app.go(app.link({set: {[name]: value || null}})))
	return html`<div class="bar" role="search" aria-label="Credentials">
		<div class="find"><${Icon} name="find"/><input type="search" id="search" placeholder="Name or client ID" aria-label="Search credentials" value=${text}
			maxlength="200" onInput=${onText(search)}/>${app.keys && html`<kbd aria-hidden="true">/</kbd>`}</div>
		<${Choice} name="status" label="Status" value=${tab} onChange=${choose} options=${[
			label('', 'All'), label('active', 'Active'), label('inactive', 'Inactive'), label('attention', 'Needs attention')]}/>
		<select aria-label="Filter by API" value=${params.get('api') ?? ''} onChange=${narrow('api')}>
			<option value="">Any API</option>${app.apis.map(api => html`<option key=${api.key} value=${api.key}>${api.name}</option>`)}</select>
		<select aria-label="Filter by scope" value=${params.get('where') ?? ''} onChange=${narrow('where')}>
			<option value="">Any scope</option>${places.map(({id, text}) => html`<option key=${id} value=${id}>${text}</option>`)}</select>
	</div>
	${tab === 'attention' && html`<div class="reasons"><select aria-label="Reason" value=${params.get('attention')} onChange=${narrow('attention')}>
		${reasons.map(([value, text]) => html`<option key=${value} value=${value || anyReason}>${text}</option>`)}</select></div>`}`
}

/** placeOptions are the accounts and workspaces that have been loaded, and the one that is chosen. @param {App} app */
const placeOptions = app => {
	const options = app.tree.below('').filter(org => !app.orgID || org.id === app.orgID).flatMap(org =>
		app.tree.below(org.id).flatMap(account => [
			{id: account.id, text: account.name},
			...app.tree.below(account.id).map(workspace => ({id: workspace.id, text: `\u2003${workspace.name}`})),
		]))
	const chosen = app.route.query.get('where')
	if (chosen && !options.some(o => o.id === chosen)) options.push({id: chosen, text: app.tree.name(chosen)})
	return options
}

/** @param {URLSearchParams} params @param {App} app */
const narrowing = (params, app) => {
	const parts = []
	if (params.get('q')) parts.push(`“${params.get('q')}” in name or client ID`)
	if (params.get('status')) parts.push(`status ${params.get('status')}`)
	if (params.get('api')) parts.push(app.api(params.get('api') ?? '')?.name ?? params.get('api'))
	if (params.get('where')) parts.push(`in ${app.tree.name(params.get('where') ?? '')}`)
	if (params.get('attention')) parts.push('needs attention')
	return `You are looking for: ${parts.join(', ')}.`
}

const columns = [
	{key: 'name', text: 'Name', sort: 'name', class: 'c-name'},
	{key: 'access', text: 'Access', sort: '', class: 'c-acc'},
	{key: 'scope', text: 'Scope', sort: '', class: 'c-scope'},
	{key: 'use', text: 'Use, last 14 days', sort: 'last_used_at', class: 'c-use'},
	{key: 'secret', text: 'Secret', sort: '', class: 'c-sec'},
	{key: 'status', text: 'Status', sort: '', class: 'c-st'},
]

/** @param {{app: App, rows: APICredential[]}} props */
const Table = ({app, rows}) => {
	const sort = app.route.query.get('sort') ?? '-last_used_at', may = app.may('credentials:write')
	/** @param {string} key */
	const direction = key => sort === key ? 'ascending' : sort === `-${key}` ? 'descending' : undefined
	/** @param {string} key */
	const turned = key => sort === key ? `-${key}` : sort === `-${key}` ? key : key === 'name' ? key : `-${key}`
	return html`<table><caption class="vh">API credentials</caption>
		<thead><tr>${columns.map(column => html`<th key=${column.key} scope="col" class=${column.class} aria-sort=${column.sort ? direction(column.sort) : undefined}>
			${column.sort ? html`<button class="sort" onClick=${() => app.go(app.link({set: {sort: turned(column.sort)}}))}>${column.text}${direction(column.sort) && html`<${Icon} name="down-small"/>`}</button>` : column.text}</th>`)}
			${may && html`<th scope="col" class="c-del"><span class="vh">Delete</span></th>`}</tr></thead>
		<tbody>${rows.map(credential => html`<${Row} key=${credential.client_id} app=${app} credential=${app.latest(credential)}/>`)}</tbody></table>`
}

/** @param {{app: App, credential: APICredential}} props */
const Row = ({app, credential: c}) => {
	const may = app.may('credentials:write'), here = app.route.id === c.client_id
	const {first, rest} = summarize(c.grants, id => app.tree.name(id))
	const secret = secretState(c, app.now)
	return html`<tr class=${[c.status === 'active' ? '' : 'off', here ? 'here' : ''].join(' ')} data-id=${c.client_id}>
		<th scope="row" class="c-name"><a class="name" href=${app.link({id: c.client_id})} aria-current=${here ? 'true' : undefined}>${c.name}</a><span class="id">${c.client_id} <${Copy} icon text=${c.client_id} name=${`Copy client ID of ${c.name}`}/></span></th>
		<td class="c-acc"><${Chips} app=${app} grants=${c.grants}/></td>
		<td class="c-scope">${first}${rest && html`<small>${rest}</small>`}</td>
		<td class="c-use"><span class="use"><${Spark} daily=${c.usage.daily}/><span><${Time} at=${c.last_used_at} now=${app.now} say=${ago(c.last_used_at, app.now)}/><small>${count(sum(c.usage.daily), 'token')}</small></span></span></td>
		<td class="c-sec"><span class=${`tag ${secret.tone}`}>${secret.text}</span></td>
		<td class="c-st"><${Switch} name=${c.name} on=${c.status === 'active'} can=${may} onToggle=${() => app.toggle(c)}/></td>
		${may && html`<td class="c-del"><a class="ib" href=${app.link({tab: app.route.tab, set: {delete: c.client_id}})} aria-label=${`Delete ${c.name}`}><${Icon} name="trash"/></a></td>`}
	</tr>`
}

/** Chips are what a credential may do, one for each API. Those that administer are tinted. @param {{app: App, grants: Grant[]}} props */
export const Chips = ({app, grants}) => grants.map(grant => html`<span key=${grant.api} class=${`chip${broad(grant.permissions) ? ' hot' : ''}${grant.permissions.length > 3 ? ' long' : ''}`}><b>${shortName(app, grant.api)}</b> ${few(grant.permissions)}</span>`)

/** few names some permissions, and counts the rest. @param {string[]} permissions */
export const few = permissions => permissions.length <= 3 ? permissions.join(', ') : `${permissions.slice(0, 2).join(', ')} and ${permissions.length - 2} more`

/** broad says whether these permissions let a credential administer. By convention such a permission is called admin.
 * @param {string[]} permissions */
export const broad = permissions => permissions.includes('admin')

/** @param {App} app @param {string} key */
export const shortName = (app, key) => (app.api(key)?.name ?? key).replace(/ API$/, '')

/** @param {{daily: number[]}} props */
const Spark = ({daily}) => {
	const drawn = spark(daily)
	return drawn ? html`<svg class="spark" viewBox="0 0 78 22" aria-hidden="true"><path class="a" d=${drawn.area}/><path d=${drawn.line}/></svg>`
		: html`<svg class="spark none" viewBox="0 0 78 22" aria-hidden="true"><path d="M1 20H77"/></svg>`
}

const Skeleton = () => html`<div class="card" role="status" aria-label="Loading credentials"><table><tbody>
	${[1, 2, 3, 4, 5, 6].map(n => html`<tr key=${n}><td><span class="grey"></span><span class="grey"></span></td><td class="c-acc"><span class="grey"></span></td><td class="c-scope"><span class="grey"></span></td><td class="c-use"><span class="grey"></span></td></tr>`)}
	</tbody></table></div>`

/** @param {{app: App}} props */
const Empty = ({app}) => html`<div class="card empty"><span class="mark"><${Icon} name="key"/></span><h2>Create your first credential</h2>
	<p class="mute">A credential is a client ID and a secret that your service trades for short-lived access tokens.</p>
	<ol><li><b>1. Choose APIs</b><small>and what it may do with each</small></li><li><b>2. Choose where</b><small>organization, accounts or workspaces</small></li><li><b>3. Store the secret</b><small>you see it once</small></li></ol>
	${app.may('credentials:write') && html`<a class="btn primary" href="#/new"><${Icon} name="plus"/>New credential</a>`}
	<p class="mute">or from a terminal <code>latchkey credentials create NAME --allow profile:read</code></p></div>`
