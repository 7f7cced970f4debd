// One credential, at the right of the list.
import {html, useEffect, useState} from './vendor/preact.js'
import {call, lines} from './api.js'
import {leave} from './keyboard.js'
import {placeIDs} from './places.js'
import {Can} from './rail.js'
import {tabs} from './route.js'
import {Try} from './try.js'
import {Copy, Failure, Icon, Switch, Time, asProblem, save, useLoad} from './ui.js'
import {ago, clock, count, date, did, field, plain, seconds, span, sum} from './words.js'

const titles = /** @type {Record<string, string>} */ ({overview: 'Overview', secrets: 'Secrets', try: 'Try it'})

/** @param {{app: App, id: string}} props */
export const Panel = ({app, id}) => {
	const {data, problem, reload} = useLoad(async signal => (await call('get', '/admin/v1/credentials/{client_id}', {params: {client_id: id}, signal})).data, [id, app.version])
	useEffect(() => { if (data) app.tree.ensure(placeIDs(data.grants)) }, [data])
	const known = data ?? app.rows().find(c => c.client_id === id), tab = app.route.tab
	const title = app.narrow && html`<h1 class="vh">API credentials</h1>` // The list that has it is out of sight.
	if (!known) return html`<aside aria-label="Credential">${title}<div class="phead"><div class="row"><h2 class="grow">${problem?.status === 404 ? 'No such credential' : 'Loading'}</h2>
		<button class="ib" aria-label="Close panel" onClick=${() => leave(app)}><${Icon} name="x"/></button></div></div>
		<div class="sec">${problem ? problem.status === 404 ? html`<p class="mute">It is deleted, or out of your reach.</p>` : html`<${Failure} problem=${problem} retry=${reload}/>` : html`<span class="grey"></span><span class="grey"></span>`}</div></aside>`
	const credential = app.latest(known), may = app.may('credentials:write')
	return html`<aside aria-labelledby="p-title">${title}
		<div class="phead"><div class="row"><h2 id="p-title" class="grow">${credential.name}</h2><${Switch} name=${credential.name} on=${credential.status === 'active'} can=${may} onToggle=${() => app.toggle(credential)}/>
			<button class="ib" aria-label="Close panel" onClick=${() => leave(app)}><${Icon} name="x"/></button></div>
			<span class="id">${credential.client_id}<${Copy} icon text=${credential.client_id} name="Copy client ID"/></span></div>
		<nav class="tabs" aria-label="Credential">${tabs.map(key => html`<a key=${key} href=${app.link({tab: key})} aria-current=${key === tab ? 'page' : undefined}>${titles[key]}</a>`)}</nav>
		${problem && html`<div class="sec"><${Failure} problem=${problem} retry=${reload}/></div>`}
		${tab === 'secrets' ? html`<${Secrets} app=${app} credential=${credential} reload=${reload}/>`
		: tab === 'try' ? html`<${Try} app=${app} credential=${credential}/>`
		: html`<${Overview} app=${app} credential=${credential}/>`}</aside>`
}

/** @param {{app: App, credential: APICredential}} props */
const Overview = ({app, credential: c}) => {
	const may = app.may('credentials:write'), {data: usage} = useLoad(async signal => (await call('get', '/admin/v1/credentials/{client_id}/usage', {params: {client_id: c.client_id}, signal})).data, [c.client_id, app.version])
	const refused = sum((usage?.days ?? []).flatMap(day => Object.values(day.refused)))
	const from = c.secrets.find(s => s.last_used_at === c.last_used_at)?.last_used_ip
	const unused = (usage?.permissions ?? []).filter(p => p.need === 'unused').map(p => `${p.api}:${p.permission}`)
	return html`
		<div class="sec"><div class="row"><h3>This credential can</h3>${may && html`<a class="btn sm" href=${app.link({set: {edit: c.client_id}})}>Edit access</a>`}</div>
			<ul class="can"><${Can} app=${app} summary=${c.summary}/></ul>
			${unused.length > 0 && c.last_used_at && html`<p class="note gap"><${Icon} name="info"/><span>No token of the last 14 days held ${unused.join(', ')}. It can probably be taken away.</span></p>`}</div>
		<div class="sec"><h3>Details</h3><dl class="kv">
			<dt>Last token</dt><dd><${Time} at=${c.last_used_at} now=${app.now}/>${from && `, from ${from}`}</dd>
			<dt>14 days</dt><dd>${count(sum(c.usage.daily), 'token')}${usage ? `, ${refused} refused` : ''}</dd>
			<dt>Token lifetime</dt><dd>${c.token_lifetime ? seconds(c.token_lifetime) : 'as the APIs say'}</dd>
			<dt>Quota</dt><dd>${[c.token_quota_per_hour && `${count(c.token_quota_per_hour, 'token')} an hour`, c.token_quota_per_day && `${count(c.token_quota_per_day, 'token')} a day`].filter(Boolean).join(', ') || 'any number'}</dd>
			<dt>Networks</dt><dd>${c.allowed_cidrs.length ? c.allowed_cidrs.join(', ') : 'any'}</dd>
			<dt>Created</dt><dd><time datetime=${c.created_at} title=${c.created_at}>${date(c.created_at, app.now)}</time> by ${app.person(c.created_by)}</dd>
			${c.owner && html`<dt>Owner</dt><dd>${c.owner}</dd>`}${c.note && html`<dt>Note</dt><dd>${c.note}</dd>`}</dl></div>
		<${Activity} app=${app} credential=${c} refusals=${usage?.refusals ?? []}/>
		${may && html`<div class="sec row wrap"><a class="btn sm" href=${`#/new?from=${encodeURIComponent(c.client_id)}`}><${Icon} name="copy"/>Duplicate</a><span class="grow"></span>
			<a class="btn sm quiet del" href=${app.link({set: {delete: c.client_id}})}><${Icon} name="trash"/>Delete credential</a></div>`}`
}

/** Activity mixes what was done to a credential with what it was refused, the newest first.
 * @param {{app: App, credential: APICredential, refusals: Refusal[]}} props */
const Activity = ({app, credential: c, refusals}) => {
	const may = app.may('audit:read'), id = c.client_id
	const {data, problem, reload} = useLoad(async signal => may ? (await call('get', '/admin/v1/credentials/{client_id}/events', {params: {client_id: id}, query: {limit: 20}, signal})).data.data : [], [id, app.version])
	const [failed, setFailed] = useState('')
	const download = () => lines(`admin/v1/credentials/${encodeURIComponent(id)}/events`, {}).then(text => save(text, `${id}.jsonl`, 'application/jsonl'), error => setFailed(asProblem(error).message))
	const all = [
		...grouped(refusals).map(({first, n}) => ({at: first.at, key: first.id, item: html`<span><b>${n === 1 ? 'A token request was' : `${n} token requests were`} refused</b><small>${first.detail}${first.address && `, from ${first.address}`}
			${app.may('credentials:write') && first.missing_permissions.length > 0 && html` · <a href=${app.link({set: {edit: id}})}>grant it</a>`}</small></span>`, kind: 'no'})),
		...(data ?? []).map(event => ({at: event.at, key: event.id, item: html`<span>${app.person(event.actor.id) || 'Somebody'} <b>${did(event.action)}</b>${event.action === 'credential.created' ? '' : html`<small>${changesOf(event)}</small>`}</span>`, kind: event.action.startsWith('secret.') ? 'hi' : ''})),
	].sort((a, b) => b.at.localeCompare(a.at))
	return html`<div class="sec"><div class="row"><h3>Activity</h3>${may && html`<button class="btn sm quiet" onClick=${download}><${Icon} name="down"/>Export</button>`}</div>
		${problem && html`<${Failure} problem=${problem} retry=${reload}/>`}${failed && html`<p class="err" role="alert">${failed}</p>`}
		<ol class="tl">${all.slice(0, 20).map(({at, key, item, kind}) => html`<li key=${key} class=${kind}>${item}<${Time} at=${at} now=${app.now} say=${Date.now() - Date.parse(at) < 7 * 86_400_000 ? ago(at, app.now) : date(at, app.now)}/></li>`)}
			${data && all.length === 0 && html`<li><span class="mute">Nothing yet.</span></li>`}</ol></div>`
}

/** grouped puts refusals for the same reason that follow each other together. @param {Refusal[]} refusals */
const grouped = refusals => {
	const groups = /** @type {{first: Refusal, n: number}[]} */ ([])
	for (const refusal of refusals) {
		const last = groups.at(-1)
		if (last && last.first.detail === refusal.detail) last.n++
		else groups.push({first: refusal, n: 1})
	}
	return groups
}

/** changesOf says in a line what an event changed. @param {AuditEvent} event */
export const changesOf = event => event.action.endsWith('.created') ? '' : Object.entries(event.changes).filter(([key]) => key !== 'version').map(([key, {from, to}]) =>
	key.startsWith('secrets/') ? '' : key === 'grants' ? 'Access changed' : `${field(key)}: ${plain(from)} to ${plain(to)}`).filter(Boolean).join(', ')

/** @param {{app: App, credential: APICredential, reload: () => void}} props */
const Secrets = ({app, credential: c, reload}) => {
	const {now} = app, may = app.may('credentials:write')
	const [failed, setFailed] = useState(/** @type {import('./api.js').Problem | undefined} */ (undefined))
	const [sure, setSure] = useState('')
	const {data, reload: again} = useLoad(async signal => (await call('get', '/admin/v1/credentials/{client_id}/secrets', {params: {client_id: c.client_id}, signal})).data.data, [c.client_id, app.version])
	const secrets = data ?? c.secrets, previous = secrets.find(s => s.status === 'previous'), current = secrets.find(s => s.status === 'current')
	/** @param {string} id */
	const stop = async id => {
		setSure('')
		try {
			await call('delete', '/admin/v1/credentials/{client_id}/secrets/{secret_id}', {params: {client_id: c.client_id, secret_id: id}})
			app.reload(); reload(); again()
		} catch (error) {
			setFailed(asProblem(error))
		}
	}
	if (c.auth_method !== 'client_secret') return html`<div class="sec"><p class="note"><${Icon} name="info"/><span>It authenticates by a key of its own (private_key_jwt) and has no secret.</span></p></div>`
	const quiet = previous && now - Date.parse(previous.last_used_at ?? previous.created_at) > 3_600_000
	return html`<div class="sec"><div class="row"><h3>Secrets</h3>${may && (previous
			? html`<span class="mute">A rotation is running</span>` : html`<a class="btn sm" href=${app.link({tab: 'secrets', set: {rotate: c.client_id}})}><${Icon} name="turn"/>Rotate</a>`)}</div>
		${failed && html`<${Failure} problem=${failed}/>`}
		${secrets.map(secret => {
			const used = secret.last_used_at ? `used ${ago(secret.last_used_at, now)}${secret.last_used_ip ? ` from ${secret.last_used_ip}` : ''}` : 'never used'
			const ends = secret.status === 'previous' && secret.stops_at ? `Stops in ${span(Date.parse(secret.stops_at) - now)}, at ${clock(secret.stops_at, now)}` : `Created ${ago(secret.created_at, now)} by ${app.person(secret.created_by)}`
			const live = secret.status === 'current' || secret.status === 'previous'
			return html`<div key=${secret.id} class="keyrow"><b class=${live ? '' : 'mute'}>${{current: 'Current', previous: 'Previous', stopped: 'Stopped', expired: 'Expired'}[secret.status]}</b><span class="mono">ends in ${secret.hint}</span>
				<small>${ends}, ${used}${secret.expires_at && live ? `. Expires ${date(secret.expires_at, now)}` : ''}</small>
				${may && secret.status === 'previous' && html`<button class="btn sm" onClick=${() => sure || quiet ? stop(secret.id) : setSure(secret.id)}>${sure === secret.id ? 'Stop it anyway' : 'Stop now'}</button>`}</div>`
		})}
		${sure && previous && html`<p class="note warn gap" role="alert"><${Icon} name="warn"/><span>It was ${previous.last_used_at ? `used ${ago(previous.last_used_at, now)}` : 'replaced a moment ago'}. Whoever still has it fails at once.</span><button class="btn sm" onClick=${() => setSure('')}>Keep it</button></p>`}</div>
		${previous && html`<div class="sec"><p class="note info"><${Icon} name="info"/><span>${quiet ? 'The previous secret has been quiet for an hour: stopping it is safe.' : 'The previous secret may still be in use. When it has been quiet for an hour, stopping it is safe.'}</span></p></div>`}
		${!current && may && html`<div class="sec"><p class="note warn"><${Icon} name="warn"/><span>No secret works. Rotate gives it a new one.</span></p></div>`}`
}
