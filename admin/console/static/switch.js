// Off and on. It is immediate and can be undone; only what was in use a moment ago is asked about first.
import {html, useEffect, useState} from './vendor/preact.js'
import {call} from './api.js'
import {asProblem} from './ui.js'
import {ago, clock} from './words.js'

/** @typedef {{text: string, buttons?: {label: string, run: () => void}[], stays?: boolean}} Message */

const recently = 60 * 60_000

/** useSwitch answers what is told at the moment, and what switches a credential. @param {App} app */
export const useSwitch = app => {
	const [toast, setToast] = useState(/** @type {Message | undefined} */ (undefined))
	const dismiss = () => setToast(undefined)

	/** @param {APICredential} credential @param {boolean} on */
	const set = async (credential, on) => {
		const {client_id, name} = credential
		try {
			const {data} = await call('post', `/admin/v1/credentials/{client_id}/${on ? 'activate' : 'deactivate'}`, {params: {client_id}})
			const {tokens_end_by, ...changed} = data
			app.changed(changed)
			setToast({
				text: on ? `${name} is active. It can get tokens again.`
					: `${name} is inactive. New tokens are refused and live ones end, by ${clock(tokens_end_by, Date.now())} also at APIs that do not ask us.`,
				buttons: [{label: 'Undo', run: () => set(changed, !on)}],
			})
		} catch (error) {
			const problem = asProblem(error)
			setToast({text: `${name} stays ${on ? 'inactive' : 'active'}. ${problem.message}`, stays: true})
			if (problem.status === 404) app.reload()
		}
	}

	/** @param {APICredential} credential */
	const toggle = credential => {
		const off = credential.status === 'active'
		const used = credential.last_used_at
		if (off && used && Date.now() - Date.parse(used) < recently) {
			setToast({
				text: `${credential.name} got a token ${ago(used, Date.now())}. Deactivate it?`, stays: true,
				buttons: [{label: 'Deactivate', run: () => set(credential, false)}, {label: 'Keep active', run: dismiss}],
			})
			return
		}
		set(credential, !off)
	}
	return {toast, toggle, tell: setToast, dismiss}
}

/** Toast is the one line that tells what has happened. It leaves by itself, unless it asks something or holds the focus.
 * @param {{toast: Message | undefined, onDismiss: () => void}} props */
export const Toast = ({toast, onDismiss}) => {
	useEffect(() => {
		if (!toast || toast.stays) return
		let timer = setTimeout(function leave() {
			if (document.querySelector('.toast:is(:hover, :focus-within)')) timer = setTimeout(leave, 2000)
			else onDismiss()
		}, 15_000)
		return () => clearTimeout(timer)
	}, [toast])
	return html`<div role="status" class=${toast ? 'toast' : ''}>${toast && html`<p>${toast.text}</p>
		${toast.buttons?.map(({label, run}) => html`<button key=${label} class="btn sm" onClick=${() => { onDismiss(); run() }}>${label}</button>`)}
		${toast.stays && !toast.buttons && html`<button class="btn sm" onClick=${onDismiss}>Dismiss</button>`}`}</div>`
}
