// One's own account: the password, the second factor, and where one is signed in.
import {html, useState} from './vendor/preact.js'
import {call} from './api.js'
import {Form} from './form.js'
import {checkRepeated, codeField, passwordFields} from './session.js'
import {Copy, Dialog, Failure, asProblem, save, useLoad} from './ui.js'
import {count} from './words.js'

/** @typedef {import('./api.js').Problem} Problem */

const current = {name: 'password', label: 'Your password', type: 'password', autocomplete: 'current-password'}

/** @param {{onClose: () => void}} props */
export const Account = ({onClose}) => {
	const {data, problem, reload} = useLoad(async signal => (await call('get', '/admin/v1/me/second-factor', {signal})).data, [])
	const [act, setAct] = useState('')
	const [failed, setFailed] = useState(/** @type {Problem | undefined} */ (undefined))
	const [offer, setOffer] = useState(/** @type {{key: string, uri: string, image: string} | undefined} */ (undefined))
	const [codes, setCodes] = useState(/** @type {string[]} */ ([]))
	const begin = (/** @type {string} */ next, /** @type {() => Promise<void>} */ work) => () => work().then(() => { setFailed(undefined); setAct(next) }, error => setFailed(asProblem(error)))
	const home = () => { setAct(''); reload() }
	const offerKey = begin('enrol', async () => setOffer((await call('post', '/admin/v1/me/second-factor')).data))
	const signOutEverywhere = begin('', async () => {
		await call('delete', '/admin/v1/sessions')
		location.reload()
	})
	const change = async (/** @type {Entered} */ entered) => {
		checkRepeated(entered)
		const {current_password = '', password = ''} = entered
		await call('post', '/admin/v1/me/password', {body: {current_password, password}})
		location.reload()
	}
	const enrol = async (/** @type {Entered} */ {code = '', password = ''}) => {
		const {data} = await call('put', '/admin/v1/me/second-factor', {body: {key: offer?.key ?? '', code, password}})
		setCodes(data.recovery_codes)
		setAct('codes')
	}
	const remove = async (/** @type {Entered} */ {code = '', password = ''}) => {
		await call('post', '/admin/v1/me/second-factor/remove', {body: {password, code}})
		home()
	}
	const views = /** @type {Record<string, [string, string, () => unknown]>} */ ({
		'': ['Your account', data?.email ?? '', () => html`${(problem || failed) && html`<${Failure} problem=${problem ?? failed} retry=${problem && reload}/>`}
			<div class="own"><div><span><b>Password</b><small>Changing it signs you out everywhere.</small></span><button class="btn" onClick=${() => setAct('password')}>Change password</button></div>
			<div><span><b>Authenticator app</b><small>${data?.enrolled ? `On. ${count(data.recovery_codes_left, 'recovery code')} left.` : 'A second step when you sign in.'}</small></span>
				${data && (data.enrolled ? html`<button class="btn" onClick=${() => setAct('remove')}>Remove</button>` : html`<button class="btn" onClick=${offerKey}>Set up</button>`)}</div>
			<div><span><b>Sessions</b><small>On every device, this one too.</small></span><button class="btn" onClick=${signOutEverywhere}>Sign out everywhere</button></div></div>`],
		password: ['Change your password', 'You sign in with the new one afterwards.', () => html`<${Form} label="Change password" act=${change} fields=${[{...current, name: 'current_password'}, ...passwordFields]}/>`],
		enrol: ['Set up an authenticator app', 'Scan the code with the app, or type the key into it.', () => offer && html`<div class="qr"><img src=${offer.image} alt="QR code of the key" width="240" height="240"/>
			<div><p><a href=${offer.uri}>Open the app on this device</a></p><p class="gap"><code>${offer.key.replace(/.{4}(?=.)/g, '$& ')}</code><${Copy} icon text=${offer.key} name="Copy key"/></p></div></div>
			<${Form} label="Turn it on" act=${enrol} fields=${[{...codeField, hint: 'The six digits that the app shows now.', inputmode: 'numeric'}, current]}/>`],
		codes: ['Keep these recovery codes', 'Each lets you in once without the app. They are shown only now.', () => html`<pre>${codes.join('\n')}</pre>
			<div class="qr"><${Copy} text=${codes.join('\n')} name="Copy codes" autofocus/><button class="btn sm" onClick=${() => save(codes.join('\n') + '\n', 'latchkey-recovery-codes.txt')}>Download</button><span class="grow"></span>
				<button class="btn primary" onClick=${() => { setCodes([]); home() }}>I stored them</button></div>`],
		remove: ['Remove the authenticator app?', 'Your password alone will let you in.', () => html`<${Form} danger label="Remove it" act=${remove} fields=${[current, codeField]}/>`],
	})
	const [title, hint, view] = views[act]
	return html`<${Dialog} title=${title} hint=${hint} kind="account" locked=${act === 'codes'} onClose=${onClose}><div class="db" key=${act}>${view()}</div></${Dialog}>`
}
