// The one time that a secret can be seen. It is in the memory of this page, nowhere else, and gone when this closes.
import {html, useEffect, useMemo, useState} from './vendor/preact.js'
import {token} from './api.js'
import {formats, mask, slug} from './formats.js'
import {Choice, Copy, Dialog, Icon, asProblem, save} from './ui.js'

/** @param {{app: App, made: NewSecret, onClose: () => void}} props */
export const SecretDialog = ({app, made, onClose}) => {
	const [shown, setShown] = useState(false)
	const [key, setKey] = useState('env')
	const [stored, setStored] = useState(false)
	const [leaving, setLeaving] = useState(false)
	const [blocked, setBlocked] = useState(false)
	const [test, setTest] = useState(/** @type {{ok?: string, failed?: string, busy?: boolean}} */ ({}))
	const secret = useMemo(() => ({text: made.secret}), [])
	useEffect(() => {
		const ask = (/** @type {BeforeUnloadEvent} */ event) => event.preventDefault()
		addEventListener('beforeunload', ask)
		app.hold(() => setLeaving(true))
		return () => { removeEventListener('beforeunload', ask); app.hold(null) }
	}, [])
	const close = () => {
		secret.text = ''
		made.secret = ''
		app.hold(null)
		onClose()
		app.go(app.link({page: 'list', id: made.clientID, tab: made.rotated ? 'secrets' : 'overview'}), true)
	}
	const format = formats.find(f => f.key === key) ?? formats[0]
	/** @param {string} text */
	const written = text => format.write({name: made.name, tokenURL: app.endpoint, clientID: made.clientID, secret: text, scope: ''})
	const run = async () => {
		setTest({busy: true})
		try {
			const {scope} = await token({clientID: made.clientID, secret: secret.text})
			setTest({ok: scope})
		} catch (error) {
			setTest({failed: asProblem(error).message})
		}
	}
	const reveal = () => { setShown(true); setBlocked(true) }
	return html`<${Dialog} title="Store this secret now" hint="We keep only a hash. Nobody can show it to you again." kind="secret" locked onClose=${close}>
		<div class="db">
			<div><span class="lab">Client ID</span><div class="out"><code>${made.clientID}</code><${Copy} text=${made.clientID} name="Copy client ID"/></div></div>
			<div><span class="lab">Client secret</span><div class=${shown ? 'out' : 'out hide'}><code class=${shown ? 'shown' : ''} role="group" aria-label=${shown ? 'Secret' : 'Hidden secret'}>${shown ? secret.text : mask(secret.text)}</code>
				<button type="button" class="ib" aria-label=${shown ? 'Hide secret' : 'Show secret'} aria-pressed=${shown} onClick=${() => setShown(!shown)}><${Icon} name="eye"/></button>
				<${Copy} text=${secret.text} name="Copy secret" autofocus onBlocked=${reveal}/></div>
				${blocked && html`<small role="status">The browser lets a page copy only over HTTPS or on localhost. Click the secret to select all of it.</small>`}</div>
			<div><div class="fmt"><${Choice} name="format" label="Format" value=${key} onChange=${setKey} options=${formats.map(f => ({value: f.key, label: f.label}))}/>
				<span class="row">${format.download
					? html`<button type="button" class="btn sm" onClick=${() => save(written(secret.text), slug(made.name) + format.extension)}><${Icon} name="down"/>Download ${format.label}</button>`
					: null}<${Copy} text=${written(secret.text)} label=${format.download ? 'Copy' : `Copy ${format.label}`} name=${`Copy as ${format.label}`} onBlocked=${reveal}/></span></div>
				<pre tabindex="0" role="group" aria-label=${`${format.label} preview`}>${shown ? written(secret.text) : written(secret.text).replaceAll(secret.text, mask(secret.text))}</pre></div>
			<div aria-live="polite">${test.ok !== undefined
				? html`<p class="note ok"><${Icon} name="check"/><span>Tested: a token was issued with ${test.ok}.</span></p>`
				: html`<div class=${test.failed ? 'note bad' : 'note'}><${Icon} name=${test.failed ? 'warn' : 'info'}/><span>${test.failed ?? 'See whether a token comes back before you leave.'}</span>
					<button type="button" class="btn sm" disabled=${test.busy} onClick=${run}>${test.failed ? 'Test again' : 'Test it'}</button></div>`}</div>
		</div>
		<div class="df">${leaving && html`<div class="note warn" role="alert"><${Icon} name="warn"/><span>The secret will be gone. Close anyway?</span>
				<button type="button" class="btn sm" onClick=${() => setLeaving(false)}>Stay</button><button type="button" class="btn sm" onClick=${close}>Close anyway</button></div>`}
			<label class="ack"><input type="checkbox" checked=${stored} onChange=${() => setStored(!stored)}/><span>I stored the secret somewhere safe</span></label>
			<button type="button" class="btn primary" disabled=${!stored} onClick=${close}>Done</button></div>
	</${Dialog}>`
}
