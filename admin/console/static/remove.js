// Deletion. It is final, and so it is the one act that takes typing.
import {html, useState} from './vendor/preact.js'
import {call} from './api.js'
import {focusRow} from './keyboard.js'
import {Dialog, ErrorText, Failure, Icon, asProblem, useLoad, onText} from './ui.js'
import {ago, count, sum} from './words.js'

/** @typedef {import('./api.js').Problem} Problem */

/** @param {{app: App, id: string, onClose: () => void}} props */
export const Remove = ({app, id, onClose}) => {
	const {data, problem: missing, reload} = useLoad(signal => call('get', '/admin/v1/credentials/{client_id}', {params: {client_id: id}, signal}), [id])
	const [typed, setTyped] = useState('')
	const [problem, setProblem] = useState(/** @type {Problem | undefined} */ (undefined))
	const [busy, setBusy] = useState(false)
	if (!data) return html`<${Dialog} key="loading" title="Delete" kind="delete" onClose=${onClose}><div class="db">${missing ? html`<${Failure} problem=${missing} retry=${reload}/>` : html`<span class="grey"></span>`}</div></${Dialog}>`
	const credential = data.data, {name, last_used_at} = credential, used = sum(credential.usage.daily)
	const same = typed.trim() === name.trim()
	const submit = async (/** @type {SubmitEvent} */ event) => {
		event.preventDefault()
		if (!same || busy) return
		setBusy(true)
		try {
			await call('delete', '/admin/v1/credentials/{client_id}', {params: {client_id: id}, headers: {'If-Match': data.etag}})
			const ids = app.rows().map(c => c.client_id), next = ids[ids.indexOf(id) + 1] ?? ids[ids.indexOf(id) - 1]
			app.go(app.link({id: app.route.id === id ? '' : app.route.id}), true)
			app.reload()
			app.tell({text: `${name} is deleted. Its history stays in the audit trail.`})
			setTimeout(() => next && focusRow(next), 300)
		} catch (error) {
			const failed = asProblem(error)
			setProblem(failed)
			setBusy(false)
			if (failed.status === 412) reload()
		}
	}
	return html`<${Dialog} key="ready" title=${`Delete ${name}?`} hint="This cannot be undone. Its history stays in the audit trail." kind="delete" onClose=${onClose}><form onSubmit=${submit}>
		<div class="db">
			${problem && (problem.status === 412 ? html`<p class="note warn" role="alert"><${Icon} name="warn"/><span>${app.person(credential.updated_by)} changed it meanwhile. Look at it once more, then delete.</span></p>` : html`<${Failure} problem=${problem}/>`)}
			${used > 0 ? html`<p class="note warn"><${Icon} name="warn"/><span>It is in use: ${count(used, 'token')} in 14 days, the last one ${ago(last_used_at, app.now)}. New token requests fail at once.</span></p>`
			: html`<p class="note"><${Icon} name="info"/><span>${last_used_at ? `No token in 14 days; the last one ${ago(last_used_at, app.now)}.` : 'It never got a token.'}</span></p>`}
			<div class="field"><label for="confirm">Type <b>${name}</b> to confirm</label><input id="confirm" type="text" value=${typed} autocomplete="off" autofocus spellcheck="false"
				aria-describedby="confirm-hint confirm-error" onInput=${onText(setTyped)}/>
				<small id="confirm-hint">Not sure? Deactivating stops it just as fast, and you can undo it.</small><${ErrorText} id="confirm-error" text=${problem?.at('/name')}/></div></div>
		<div class="df">${credential.status === 'active' && html`<button type="button" class="btn quiet" onClick=${() => { onClose(); app.toggle(credential) }}>Deactivate instead</button>`}<span class="grow"></span>
			<button type="button" class="btn" onClick=${onClose}>Cancel</button><button class="btn danger" disabled=${!same || busy}>Delete credential</button></div></form></${Dialog}>`
}
