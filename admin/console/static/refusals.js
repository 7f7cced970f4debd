// Recent refusals: who was refused a token in the last seven days, and why.
import {html, useState} from './vendor/preact.js'
import {call} from './api.js'
import {Failure, Icon, Time, asProblem, useLoad} from './ui.js'

/** @param {{app: App}} props */
export const Refusals = ({app}) => {
	const query = /** @type {const} */ ({attention: 'refused_requests', sort: '-last_used_at', limit: 50})
	const {data, problem, reload, set} = useLoad(async signal => (await call('get', '/admin/v1/credentials', {query: {...query, org_id: app.orgID}, signal})).data, [app.orgID, app.version])
	const [failed, setFailed] = useState('')
	const more = async () => {
		if (!data?.next_cursor) return
		try {
			const {data: next} = await call('get', '/admin/v1/credentials', {query: {...query, org_id: app.orgID, cursor: data.next_cursor}})
			set({data: [...data.data, ...next.data], next_cursor: next.next_cursor})
		} catch (error) {
			setFailed(asProblem(error).message)
		}
	}
	const rows = [...data?.data ?? []].sort((a, b) => (b.usage.last_refusal?.at ?? '').localeCompare(a.usage.last_refusal?.at ?? ''))
	return html`<div class="head"><div class="grow"><h1>Recent refusals</h1><p>Active credentials that were refused a token in the last seven days, with the last reason. The program itself is never told it.</p></div></div>
		<div class="stack">${problem && html`<${Failure} problem=${problem} retry=${reload}/>`}${failed && html`<p class="err" role="alert">${failed}</p>`}
		${data && (rows.length ? html`<div class="card"><table class="tight"><caption class="vh">Credentials with refusals</caption>
			<thead><tr><th scope="col">Credential</th><th scope="col">Last refusal</th><th scope="col">Why</th><th scope="col"><span class="vh">What to do</span></th></tr></thead>
			<tbody>${rows.map(c => {
				const last = c.usage.last_refusal
				return html`<tr key=${c.client_id}><th scope="row"><a class="name" href=${app.link({page: 'list', id: c.client_id})}>${c.name}</a><span class="id">${c.client_id}</span></th>
					<td class="fit"><${Time} at=${last?.at} now=${app.now}/></td>
					<td><b class="dot bad">${(last?.reason ?? '').replace(/_/g, ' ')}</b><small>${last?.missing_permission ? `${last.missing_permission} is not granted; it was told ${last.error}` : `it was told ${last?.error}`}</small></td>
					<td class="fit">${last?.missing_permission && app.may('credentials:write') && html`<a class="btn sm" href=${app.link({page: 'list', id: c.client_id, set: {edit: c.client_id}})}>Grant it</a>`}</td></tr>`
			})}</tbody></table></div>${data.next_cursor && html`<div class="foot"><span></span><button class="btn sm" onClick=${more}>Load more</button></div>`}`
		: html`<div class="card nomatch"><h2>Nothing was refused</h2><p class="mute"><${Icon} name="check"/> No active credential was refused a token in the last seven days.</p></div>`)}</div>`
}
