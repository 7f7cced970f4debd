// The audit trail: who did what, when, and whether the chain of it is whole as far as is known here.
import {html, useState} from './vendor/preact.js'
import {call, lines} from './api.js'
import {changesOf} from './panel.js'
import {Failure, Icon, Time, asProblem, save, useLoad} from './ui.js'
import {ago, exact} from './words.js'

const actions = ['credential.created', 'credential.changed', 'credential.activated', 'credential.deactivated', 'credential.deleted', 'secret.rotated', 'secret.stopped', 'secret.reported', 'operator.signed_in']
const noFilters = {from: '', to: '', actor: '', action: '', target: ''}

/** @param {{app: App}} props */
export const Audit = ({app}) => {
	const [entered, setEntered] = useState(noFilters)
	const [failed, setFailed] = useState('')
	const query = {...entered, from: entered.from && `${entered.from}T00:00:00Z`, to: entered.to && new Date(Date.parse(entered.to) + 86_400_000).toISOString(), org_id: app.orgID}
	const {data, problem, busy, reload, set} = useLoad(async signal => (await call('get', '/admin/v1/events', {query: {...query, limit: 50}, signal})).data, [JSON.stringify(query)])
	const more = async () => {
		if (!data?.next_cursor) return
		try {
			const {data: next} = await call('get', '/admin/v1/events', {query: {...query, limit: 50, cursor: data.next_cursor}})
			set({data: [...data.data, ...next.data], next_cursor: next.next_cursor})
		} catch (error) {
			setFailed(asProblem(error).message)
		}
	}
	const download = () => lines('admin/v1/events', query).then(text => save(text, 'events.jsonl', 'application/jsonl'), error => setFailed(asProblem(error).message))
	/** @param {keyof typeof noFilters} name @param {string} text @param {string} [type] */
	const input = (name, text, type = 'text') => html`<div class="field"><label for=${`f-${name}`}>${text}</label><input id=${`f-${name}`} type=${type} value=${entered[name]} spellcheck="false" autocomplete="off"
		onChange=${(/** @type {Event} */ e) => setEntered({...entered, [name]: /** @type {HTMLInputElement} */ (e.target).value.trim()})}/></div>`
	return html`<div class="head"><div class="grow"><h1>Audit trail</h1><p>Every change and every refused attempt, with whoever it was. Nobody can change or remove an entry without a trace.</p></div>
		<button class="btn" onClick=${download}><${Icon} name="down"/>Export JSON lines</button></div>
		<div class="stack"><${Chain} app=${app}/>
		<div class="filters" role="search" aria-label="Events">${input('from', 'From', 'date')}${input('to', 'To', 'date')}${input('actor', 'Who (id)')}${input('target', 'What (id)')}
			<div class="field"><label for="f-action">Action</label><select id="f-action" value=${entered.action} onChange=${(/** @type {Event} */ e) => setEntered({...entered, action: /** @type {HTMLSelectElement} */ (e.target).value})}>
				<option value="">Any action</option>${actions.map(action => html`<option key=${action} value=${action}>${action.replace(/[._]/g, ' ')}</option>`)}</select></div>
			${Object.values(entered).some(Boolean) && html`<button class="btn quiet" onClick=${() => setEntered(noFilters)}>Clear filters</button>`}</div>
		${problem && html`<${Failure} problem=${problem} retry=${reload}/>`}${failed && html`<p class="err" role="alert">${failed}</p>`}
		${data && (data.data.length ? html`<div class=${busy ? 'card busy' : 'card'}><table class="tight"><caption class="vh">Events, newest first</caption>
			<thead><tr><th scope="col">When</th><th scope="col">Who</th><th scope="col">What</th><th scope="col">To</th></tr></thead>
			<tbody>${data.data.map(event => html`<${Line} key=${event.id} app=${app} event=${event}/>`)}</tbody></table></div>
			<div class="foot"><span>${data.data.length} events</span>${data.next_cursor && html`<button class="btn sm" onClick=${more}>Load more</button>`}</div>`
		: html`<div class="card nomatch"><h2>No event matches</h2></div>`)}</div>`
}

/** @param {{app: App, event: AuditEvent}} props */
const Line = ({app, event}) => html`<tr><td class="fit"><${Time} at=${event.at} now=${app.now} say=${exact(event.at)}/><small>${ago(event.at, app.now)}</small></td>
	<th scope="row">${app.person(event.actor.id) || 'Nobody known'}<small>${event.actor.kind}${event.actor.address && ` from ${event.actor.address}`}</small></th>
	<td><b class=${event.action.endsWith('_refused') ? 'dot bad' : ''}>${event.action}</b><small>${changesOf(event)}</small></td>
	<td>${event.target.startsWith('cid_') ? html`<a href=${app.link({page: 'list', id: event.target})}><code>${event.target}</code></a>` : html`<code>${event.target}</code>`}
		${event.seq > 0 && html`<small title=${event.hash ?? ''}>no. ${event.seq}</small>`}</td></tr>`

/** Chain says how far the chain of events reaches, and when it was signed last. @param {{app: App}} props */
const Chain = ({app}) => {
	const whole = app.me.org_id === null
	const {data, problem, reload} = useLoad(async signal => whole ? (await call('get', '/admin/v1/audit', {signal})).data : undefined, [])
	if (problem) return html`<${Failure} problem=${problem} retry=${reload}/>`
	if (!whole) return html`<p class="note"><${Icon} name="info"/><span>Events are chained across the whole installation. Whoever runs it can follow the chain with <code>latchkey audit verify</code>.</span></p>`
	if (!data) return null
	const signed = data.last_checkpoint
	return html`<div class="card pad chain"><${Icon} name="lock"/><div class="grow"><h3>${data.head.seq} events in the chain</h3>
		<p class="mute">${signed ? html`Signed as far as no. ${signed.seq}, <${Time} at=${signed.at} now=${app.now}/>. Keep that checkpoint elsewhere: it shows if the whole chain was written anew.` : 'Not signed yet: the first checkpoint comes by itself.'}</p>
		<p><small>Head <code>${data.head.hash.slice(0, 24)}…</code> To check every link: <code>latchkey audit verify</code></small></p></div></div>`
}
