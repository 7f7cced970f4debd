// Signing in and out. The session is a cookie that no script can read.
import {html, useRef, useState} from './vendor/preact.js'
import {Problem, call} from './api.js'
import {Form} from './form.js'
import {Dialog, Icon} from './ui.js'

/** provider is where else people may sign in. */
const provider = document.querySelector('meta[name=oidc]')?.getAttribute('content')

/** signOut ends the session and forgets all that the page holds. */
export const signOut = async () => {
	await call('delete', '/admin/v1/session')
	location.reload()
}

/** @param {{title: string, hint: string, children?: unknown}} props */
const Page = ({title, hint, children}) => html`<main class="sign"><div class="card"><span class="mark"><${Icon} name="key"/></span>
	<div><h1>${title}</h1><p class="mute">${hint}</p></div>${children}</div></main>`

/** SignInPage is for those who come. @param {{onDone: () => void}} props */
export const SignInPage = ({onDone}) => html`<${Page} title="Sign in" hint=${`to the API credentials of ${location.host}`}><${SignIn} onDone=${onDone}/></${Page}>`

/** SignInDialog is for those whose session has ended while they were at work. @param {{onDone: () => void}} props */
export const SignInDialog = ({onDone}) => html`<${Dialog} title="Sign in again" hint="Your session has ended. What you typed is still here." kind="signin" locked onClose=${() => {}}>
	<div class="db"><${SignIn} onDone=${onDone}/></div></${Dialog}>`

const email = {name: 'email', label: 'E-mail', type: 'email', autocomplete: 'username', maxlength: 254}
const password = {name: 'password', label: 'Password', type: 'password', autocomplete: 'current-password'}

/** codeField asks for a code of the second factor. */
export const codeField = {name: 'code', label: 'Code', type: 'text', hint: 'From your authenticator app, or a recovery code.', autocomplete: 'one-time-code', maxlength: 32}

/** SignIn asks for a code as well, once the server has said that one is needed. @param {{onDone: () => void}} props */
const SignIn = ({onDone}) => {
	const [known, setKnown] = useState(/** @type {Entered | undefined} */ (undefined))
	const enter = async (/** @type {Entered} */ entered) => {
		const {email = '', password = '', code} = {...known, ...entered}
		try {
			await call('post', '/admin/v1/session', {body: {email, password, code}})
		} catch (error) {
			if (known || !(error instanceof Problem) || error.type !== 'second-factor-required') throw error
			setKnown(entered)
			return
		}
		onDone()
	}
	return html`<${Form} key=${known ? 'code' : 'password'} label="Sign in" act=${enter} fields=${known ? [codeField] : [email, password]}/>
		${provider && html`<a class="btn" href="oidc/start">Sign in with ${provider}</a>`}`
}

/** passwordFields ask for a new password. */
export const passwordFields = [
	{...password, label: 'New password', hint: 'At least 12 characters. A few words are easy to keep in mind.', autocomplete: 'new-password'},
	{...password, name: 'repeated', label: 'Repeat it', autocomplete: 'new-password'},
]

/** checkRepeated @param {Entered} entered */
export const checkRepeated = ({password, repeated}) => {
	if (password !== repeated) throw new Problem(422, {errors: [{pointer: '/repeated', code: 'invalid', detail: 'the two are not the same'}]})
}

/** atWelcome tells whether the address is a link to set a password. */
export const atWelcome = () => location.hash.startsWith('#/welcome?')

/** WelcomePage is for those who have such a link: they set a password, and are in.
 * @param {{onDone: () => void}} props */
export const WelcomePage = ({onDone}) => {
	const link = new URLSearchParams(location.hash.split('?')[1])
	const done = useRef(false) // The token works once; the e-mail address may be wrong the first time.
	const known = link.get('email')
	const enter = async (/** @type {Entered} */ entered) => {
		checkRepeated(entered)
		const {email = '', password = ''} = entered
		if (!done.current) await call('post', '/admin/v1/password', {body: {token: link.get('token') ?? '', password}})
		done.current = true
		await call('post', '/admin/v1/session', {body: {email, password}})
		history.replaceState(null, '', '#/')
		onDone()
	}
	return html`<${Page} title="Welcome" hint=${`Choose the password that you will sign in with on ${location.host}.`}>
		<${Form} label="Set password and sign in" act=${enter} fields=${[{...email, value: known ?? undefined, readonly: Boolean(known)}, ...passwordFields]}/></${Page}>`
}
