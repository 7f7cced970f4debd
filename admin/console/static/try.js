// Try it: the token it would get, or why not; and a real one, for those who have the secret.
import {html, useEffect, useState} from './vendor/preact.js'
import {call, token} from './api.js'
import {curl, decode, pretty} from './formats.js'
import {Choice, Copy, ErrorText, Failure, Icon, asProblem, useCountdown, onText} from './ui.js'
import {exact} from './words.js'

/** @typedef {import('./api.js').Problem} Problem */

/** @param {{app: App, credential: APICredential}} props */
export const Try = ({app, credential: c}) => {
	const [mode, setMode] = useState('preview')
	const [scope, setScope] = useState('')
	const command = curl({tokenURL: app.endpoint, clientID: c.client_id, scope: scope.trim()})
	const all = c.grants.flatMap(g => g.permissions.map(p => `${g.api}:${p}`)).join(' ')
	return html`<div class="sec"><h3>Try it</h3><div class="opts"><${Choice} name="mode" label="Mode" value=${mode} onChange=${setMode} options=${[{value: 'preview', label: 'Preview claims'}, {value: 'real', label: 'Request a real token'}]}/>
			<div class="field"><label for="scope">Permissions to request</label><input id="scope" type="text" class="mono" value=${scope} placeholder=${all} spellcheck="false" autocomplete="off" maxlength="2000"
				onInput=${onText(setScope)}/><small>Separated by spaces. Empty asks for all that is granted.</small></div></div></div>
		${mode === 'preview' ? html`<${Preview} app=${app} credential=${c} scope=${scope.trim()}/>` : html`<${Real} app=${app} credential=${c} scope=${scope.trim()}/>`}
		<div class="sec"><div class="row"><h3>As a command</h3><${Copy} text=${command} name="Copy command"/></div><pre tabindex="0" role="group" aria-label="curl command">${command}</pre></div>`
}

/** Preview asks the server what it would sign. It needs no secret. @param {{app: App, credential: APICredential, scope: string}} props */
const Preview = ({app, credential: c, scope}) => {
	const [answer, setAnswer] = useState(/** @type {Preview | undefined} */ (undefined))
	const [problem, setProblem] = useState(/** @type {Problem | undefined} */ (undefined))
	useEffect(() => {
		const abort = new AbortController()
		const timer = setTimeout(() => call('post', '/admin/v1/credentials/{client_id}/token-preview', {params: {client_id: c.client_id}, body: scope ? {scope} : {}, signal: abort.signal})
			.then(({data}) => { setAnswer(data); setProblem(undefined) }, error => { if (!abort.signal.aborted) setProblem(asProblem(error)) }), 200)
		return () => { clearTimeout(timer); abort.abort() }
	}, [c.client_id, c.version, scope])
	const wrong = problem?.errors[0]?.detail
	return html`<div class="sec" aria-live="polite"><h3>Access token</h3>
		${problem && (wrong ? html`<${ErrorText} text=${wrong}/>` : html`<${Failure} problem=${problem}/>`)}
		${!problem && answer?.refusal && html`<div class="note warn"><${Icon} name="warn"/><span><b>It would be refused: <code>${answer.refusal.error}</code></b><small>${answer.refusal.detail}</small></span>
			${app.may('credentials:write') && answer.refusal.missing_permissions.length > 0 && html`<a class="btn sm" href=${app.link({tab: 'try', set: {edit: c.client_id}})}>Grant it</a>`}</div>`}
		${!problem && answer?.claims && html`<${Claims} claims=${answer.claims}/>`}</div>`
}

/** Real asks for a token as the program would. The secret stays in the field. @param {{app: App, credential: APICredential, scope: string}} props */
const Real = ({app, credential: c, scope}) => {
	const [secret, setSecret] = useState('')
	const [claims, setClaims] = useState(/** @type {Record<string, unknown> | undefined} */ (undefined))
	const [problem, setProblem] = useState(/** @type {Problem | undefined} */ (undefined))
	const wait = useCountdown(problem?.retryAfter ?? 0, problem)
	const ask = async (/** @type {Event} */ event) => {
		event.preventDefault()
		setClaims(undefined)
		setProblem(undefined)
		try {
			const {access_token} = await token({clientID: c.client_id, secret, scope})
			setClaims(decode(access_token)[1])
			app.reload()
		} catch (error) {
			setProblem(asProblem(error))
		}
	}
	return html`<div class="sec"><form class="opts" onSubmit=${ask}><div class="field"><label for="real-secret">Client secret</label><input id="real-secret" type="password" value=${secret} autocomplete="off" spellcheck="false" required
			onInput=${onText(setSecret)}/><small>It stays in this field, and is forgotten with it.</small></div>
		<span><button class="btn" disabled=${wait > 0}>${wait > 0 ? `Try again in ${wait} s` : 'Request a token'}</button></span></form></div>
		${(claims || problem) && html`<div class="sec" aria-live="polite"><h3>Access token</h3>${problem && html`<${Failure} problem=${problem}/>`}${claims && html`<p class="note ok"><${Icon} name="check"/><span>A real token was issued, and is not shown.</span></p><div class="gap"></div><${Claims} claims=${claims}/>`}</div>`}`
}

/** Claims are shown as the JSON they are, with the times spelt out. @param {{claims: Record<string, unknown>}} props */
const Claims = ({claims}) => html`<pre tabindex="0" role="group" aria-label="Decoded claims">${'{\n'}${Object.entries(claims).map(([name, value], i, all) => {
	const time = (name === 'iat' || name === 'exp' || name === 'nbf') && typeof value === 'number' ? exact(new Date(value * 1000).toISOString()) : ''
	const text = pretty(value, '  '), comma = i < all.length - 1 ? ',' : ''
	return html`${'  '}<i>${JSON.stringify(name)}</i>: ${typeof value === 'string' ? html`<em>${text}</em>` : text}${comma}${time && html` <u>${time}</u>`}${'\n'}`
})}${'}'}</pre>`
