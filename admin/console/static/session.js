// Signing in and out. The session is a cookie that no script can read.
import {html, useRef, useState} from './vendor/preact.js'
import {call} from './api.js'
import {Dialog, Failure, Icon, asProblem} from './ui.js'

/** @typedef {import('./api.js').Problem} Problem */

/** signOut ends the session and forgets all that the page holds. */
export const signOut = async () => {
	await call('delete', '/admin/v1/session')
	location.reload()
}

/** SignInPage is for those who come. @param {{onDone: () => void}} props */
export const SignInPage = ({onDone}) => html`<main class="sign"><div class="card"><span class="mark"><${Icon} name="key"/></span>
	<div><h1>Sign in</h1><p class="mute">to the API credentials of ${location.host}</p></div><${SignIn} onDone=${onDone}/></div></main>`

/** SignInDialog is for those whose session has ended while they were at work. @param {{onDone: () => void}} props */
export const SignInDialog = ({onDone}) => html`<${Dialog} title="Sign in again" hint="Your session has ended. What you typed is still here." kind="signin" locked onClose=${() => {}}>
	<div class="db"><${SignIn} onDone=${onDone}/></div></${Dialog}>`

/** @param {{onDone: () => void}} props */
const SignIn = ({onDone}) => {
	const form = useRef(/** @type {HTMLFormElement | null} */ (null))
	const [problem, setProblem] = useState(/** @type {Problem | undefined} */ (undefined))
	const [busy, setBusy] = useState(false)
	const submit = async (/** @type {SubmitEvent} */ event) => {
		event.preventDefault()
		const entered = new FormData(/** @type {HTMLFormElement} */ (form.current))
		setBusy(true)
		try {
			await call('post', '/admin/v1/session', {body: {email: String(entered.get('email')), password: String(entered.get('password'))}})
			onDone()
		} catch (error) {
			setProblem(asProblem(error))
			setBusy(false)
		}
	}
	return html`<form ref=${form} onSubmit=${submit}>
		${problem && html`<${Failure} problem=${problem}/>`}
		<div class="field"><label for="email">E-mail</label><input id="email" name="email" type="email" autocomplete="username" required autofocus maxlength="254"/></div>
		<div class="field"><label for="password">Password</label><input id="password" name="password" type="password" autocomplete="current-password" required maxlength="256"/></div>
		<button class="btn primary" disabled=${busy}>Sign in</button></form>`
}
