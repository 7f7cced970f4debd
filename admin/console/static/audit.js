// What happened: the audit trail, with the state of its chain, and recent refusals.
import {html, useState} from './vendor/preact.js'
import {call, lines} from './api.js'
import {changesOf} from './panel.js'
import {Failure, Icon, Pages, Time, asProblem, onText, save, useLoad, usePages} from './ui.js'
import {ago, exact} from './words.js'

const actions = ['credential.created', 'credential.changed', 'credential.activated', 'credential.deactivated', 'credential.deleted', 'secret.rotated', 'secret.stopped', 'secret.reported', 'operator.signed_in']
const noFilters = {from: '', to: '', actor: '', action: '', target: ''}

/** @param {{app: App}} props */
export const Audit = ({app}) => {
	const [entered, setEntered] = useState(noFilters)
	const [failed, setFailed] = useState('')
	const query = {...entered, from: entered.from && `${entered.from}T00:00:00Z`, to: entered.to && new Date(Date.parse(entered.to) + 86_400_000).toISOString(), org_id: app.orgID}
	const events = usePages(async (cursor, signal) => (await call('get', '/admin/v1/events', {query: {...query, limit: 50, cursor}, signal})).data, [JSON.stringify(query)])
	const download = () => lines('admin/v1/events', query).then(text => save(text, 'events.jsonl', 'application/jsonl'), error => setFailed(asProblem(error).message))
	/** @param {keyof typeof noFilters} name @param {string} text @param {string} [type] */
	const input = (name, text, type = 'text') => html`<div class="field"><label for=${`f-${name}`}>${text}</label><input id=${`f-${name}`} type=${type} value=${entered[name]} spellcheck="false" autocomplete="off"
		onChange=${onText(value => setEntered({...entered, [name]: value.trim()}))}/></div>`
	return html`<div class="head"><div class="grow"><h1>Audit trail</h1><p>Every change and every refused attempt, with whoever it was. Nobody can change or remove an entry without a trace.</p></div>
		<button class="btn" onClick=${download}><${Icon} name="down"/>Export JSON lines</button></div>
		<div class="stack"><${Chain} app=${app}/>
		<div class="filters" role="search" aria-label="Events">${input('from', 'From', 'date')}${input('to', 'To', 'date')}${input('actor', 'Who (id)')}${input('target', 'What (id)')}
			<div class="field"><label for="f-action">Action</label><select id="f-action" value=${entered.action} onChange=${onText(action => setEntered({...entered, action}))}>
				<option value="">Any action</option>${actions.map(action => html`<option key=${action} value=${action}>${action.replace(/[._]/g, ' ')}</option>`)}</select></div>
			${Object.values(entered).some(Boolean) && html`<button class="btn quiet" onClick=${() => setEntered(noFilters)}>Clear filters</button>`}</div>
		${failed && html`<p class="err" role="alert">${failed}</p>`}
		<${Pages} of=${events} noun="event" none=${html`<h2>No event matches</h2>`}>${html`<table class="tight"><caption class="vh">Events, newest first</caption>
			<thead><tr><th scope="col">When</th><th scope="col">Who</th><th scope="col">What</th><th scope="col">To</th></tr></thead>
			<tbody>${events.rows.map(event => html`<${Line} key=${event.id} app=${app} event=${event}/>`)}</tbody></table>`}</${Pages}></div>`
}

/** @param {{app: App, event: AuditEvent}} props */
const Line = ({app, event}) => html`<tr><td class="fit"><${Time} at=${event.at} now=${app.now} say=${exact(event.at)}/><small>${ago(event.at, app.now)}</small></td>
	<th scope="row">${app.person(event.actor.id) || 'Nobody known'}<small>${event.actor.kind}${event.actor.address && ` from ${event.actor.address}`}</small></th>
	<td><b class=${event.action.endsWith('_refused') ? 'dot bad' : ''}>${event.action}</b><small>${changesOf(event)}</small></td>
	<td class="fit">${event.target.startsWith('cid_') ? html`<a href=${app.link({page: 'list', id: event.target})}><code>${event.target}</code></a>` : html`<code>${event.target}</code>`}
		${event.seq > 0 && html`<small title=${event.hash ?? ''}>no. ${event.seq}</small>`}</td></tr>`

/** Chain says how far the chain of events reaches, and when it was signed last. @param {{app: App}} props */
const Chain = ({app}) => {
	const whole = app.me.org_id === null
	const {data, problem, reload} = useLoad(async signal => whole ? (await call('get', '/admin/v1/audit', {signal})).data : undefined, [])
	if (problem) return html`<${Failure} problem=${problem} retry=${reload}/>`
	if (!whole) return html`<p class="note"><${Icon} name="info"/><span>Events are chained across the whole installation. Whoever runs it can follow the chain with <code>latchkey audit verify</code>.</span></p>`
	if (!data) return null
	const signed = data.last_checkpoint
	return html`<div class="card pad chain"><${Icon} name="lock"/><div class="grow"><h2>${data.head.seq} events in the chain</h2>
		<p class="mute">${signed ? html`Signed as far as no. ${signed.seq}, <${Time} at=${signed.at} now=${app.now}/>. Keep that checkpoint elsewhere: it shows if the whole chain was written anew.` : 'Not signed yet: the first checkpoint comes by itself.'}</p>
		<p><small>Head <code>${data.head.hash.slice(0, 24)}…</code> To check every link: <code>latchkey audit verify</code></small></p></div></div>`
}

/** Refusals are the credentials that were refused a token in the last seven days, with the last reason. @param {{app: App}} props */
export const Refusals = ({app}) => {
	const query = /** @type {const} */ ({attention: 'refused_requests', sort: '-last_used_at', limit: 50})
	const pages = usePages(async (cursor, signal) => (await call('get', '/admin/v1/credentials', {query: {...query, org_id: app.orgID, cursor}, signal})).data, [app.orgID, app.version])
	const rows = [...pages.rows].sort((a, b) => (b.usage.last_refusal?.at ?? '').localeCompare(a.usage.last_refusal?.at ?? ''))
	return html`<div class="head"><div class="grow"><h1>Recent refusals</h1><p>Active credentials that were refused a token in the last seven days, with the last reason. The program itself is never told it.</p></div></div>
		<div class="stack"><${Pages} of=${pages} noun="credential" none=${html`<h2>Nothing was refused</h2><p class="mute"><${Icon} name="check"/> No active credential was refused a token in the last seven days.</p>`}>${html`<table class="tight"><caption class="vh">Credentials with refusals</caption>
			<thead><tr><th scope="col">Credential</th><th scope="col">Last refusal</th><th scope="col">Why</th><th scope="col"><span class="vh">What to do</span></th></tr></thead>
			<tbody>${rows.map(c => {
				const last = c.usage.last_refusal
				return html`<tr key=${c.client_id}><th scope="row"><a class="name" href=${app.link({page: 'list', id: c.client_id})}>${c.name}</a><span class="id">${c.client_id}</span></th>
					<td class="fit"><${Time} at=${last?.at} now=${app.now}/></td>
					<td><b class="dot bad">${(last?.reason ?? '').replace(/_/g, ' ')}</b><small>${last?.missing_permission ? `${last.missing_permission} is not granted; it was told ${last.error}` : `it was told ${last?.error}`}</small></td>
					<td class="fit">${last?.missing_permission && app.may('credentials:write') && html`<a class="btn sm" href=${app.link({page: 'list', id: c.client_id, set: {edit: c.client_id}})}>Grant it</a>`}</td></tr>`
			})}</tbody></table>`}</${Pages}></div>`
}
