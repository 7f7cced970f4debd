// Rotation: a new secret now, and how long the old one works on.
import {html, useRef, useState} from './vendor/preact.js'
import {call, retryKey} from './api.js'
import {Dialog, Failure, Icon, asProblem, useLoad} from './ui.js'
import {clock, seconds} from './words.js'

/** @typedef {import('./api.js').Problem} Problem */

const choices = [
	{overlap: 0, name: 'Not at all', hint: 'For a leak. Whoever has the old secret fails at once'},
	{overlap: 86400, name: '24 hours', hint: 'Enough for a deploy, and for a rollback'},
	{overlap: 7 * 86400, name: '7 days', hint: 'For those who deploy by hand'},
]

/** @param {{app: App, id: string, onClose: () => void}} props */
export const Rotate = ({app, id, onClose}) => {
	const {data, problem: missing} = useLoad(async signal => (await call('get', '/admin/v1/credentials/{client_id}', {params: {client_id: id}, signal})).data, [id])
	const [overlap, setOverlap] = useState(86400)
	const [problem, setProblem] = useState(/** @type {Problem | undefined} */ (undefined))
	const [busy, setBusy] = useState(false)
	const key = useRef(retryKey())
	const ends = new Date(app.now + overlap * 1000).toISOString()
	const submit = async (/** @type {SubmitEvent} */ event) => {
		event.preventDefault()
		if (!data || busy) return
		setBusy(true)
		try {
			const {data: made} = await call('post', '/admin/v1/credentials/{client_id}/secrets', {
				params: {client_id: id}, body: {overlap}, headers: {'Idempotency-Key': key.current},
			})
			app.showSecret({clientID: id, name: data.name, secret: made.client_secret, rotated: true})
		} catch (error) {
			const failed = asProblem(error)
			setProblem(failed)
			setBusy(false)
			if (failed.status !== 0) key.current = retryKey()
		}
	}
	const lifetime = Math.max(0, ...data?.grants.map(g => app.api(g.api)?.token_lifetime ?? 0) ?? [])
	return html`<${Dialog} title="Rotate the secret" hint=${data ? `${data.name} gets a new secret right away.` : ' '} kind="rotate" onClose=${onClose}><form onSubmit=${submit}>
		<div class="db">
			${missing && html`<${Failure} problem=${missing}/>`}${problem && html`<${Failure} problem=${problem}/>`}
			<fieldset><legend>The old secret keeps working for</legend><div class="opts">${choices.map(c => html`<label key=${c.overlap} class="pick">
				<input type="radio" name="overlap" checked=${c.overlap === overlap} autofocus=${c.overlap === 86400} onChange=${() => { setOverlap(c.overlap); setProblem(undefined) }}/>
				<span><b>${c.name}</b><small>${c.hint}</small></span></label>`)}</div></fieldset>
			${overlap > 0 ? html`<div class="ov" role="img" aria-label=${`The new secret works from now on. The old secret works until ${clock(ends, app.now)}.`}>
				<span class="old">Old secret</span><span class="new">New secret</span><small class="now">now</small><small class="end">${clock(ends, app.now)}</small></div>`
			: html`<div class="ov cut" role="img" aria-label="The old secret stops now, and the new one works from now on."><span class="old">Old secret</span><span class="new">New secret</span><small class="now">now</small></div>`}
			<p class="note"><${Icon} name="info"/><span>${overlap > 0 ? 'Tokens already issued live on until they expire.' : `Tokens already issued end too. APIs that do not ask us take them ${lifetime > 0 ? `for up to ${seconds(lifetime)}` : 'until they expire'}.`}</span></p></div>
		<div class="df"><span class="grow"></span><button type="button" class="btn" onClick=${onClose}>Cancel</button><button class="btn primary" disabled=${!data || busy}>Create new secret</button></div></form></${Dialog}>`
}
