// The signing keys: which one signs, which one comes next, and the two things one can do about it.
import {html, useState} from './vendor/preact.js'
import {call, issuer} from './api.js'
import {Copy, Dialog, Failure, Icon, Time, asProblem, useLoad} from './ui.js'
import {date} from './words.js'

/** @typedef {import('./api.js').Problem} Problem */

const states = /** @type {Record<string, [string, string]>} */ ({
	active: ['dot on', 'Signs now'], next: ['dot', 'Next, published and waiting'], retired: ['dot warn', 'Retired, still verifies'],
})

/** @param {{app: App}} props */
export const Keys = ({app}) => {
	const {data, problem, reload, set} = useLoad(async signal => (await call('get', '/admin/v1/keys', {signal})).data.data, [])
	const [failed, setFailed] = useState(/** @type {Problem | undefined} */ (undefined))
	const [revoking, setRevoking] = useState(/** @type {SigningKey | undefined} */ (undefined))
	const may = app.may('keys:write'), {now} = app
	/** @param {() => Promise<{data: {data: SigningKey[]}}>} act @param {string} said */
	const act = async (act, said) => {
		try {
			set((await act()).data.data)
			setFailed(undefined)
			setRevoking(undefined)
			app.tell({text: said})
		} catch (error) {
			setFailed(asProblem(error))
		}
	}
	return html`<div class="head"><div class="grow"><h1>Signing keys</h1><p>They sign tokens and take turns by themselves. APIs find the public halves in the JWKS.</p></div>
		${may && html`<button class="btn" onClick=${() => act(() => call('post', '/admin/v1/keys/rotations'), 'The keys are rotated. Tokens that the old one signed stay valid.')}><${Icon} name="turn"/>Rotate now</button>`}</div>
		<div class="stack">${(problem || failed && !revoking) && html`<${Failure} problem=${problem ?? failed} retry=${problem ? reload : undefined}/>`}
		<div class="card"><table class="tight"><caption class="vh">Signing keys</caption><thead><tr><th scope="col">Key</th><th scope="col">State</th><th scope="col">Signs from</th><th scope="col">Leaves</th>${may && html`<th scope="col"><span class="vh">Revoke</span></th>`}</tr></thead>
			<tbody>${(data ?? []).map(key => html`<tr key=${key.kid}><th scope="row"><code>${key.kid.slice(0, 16)}…</code><${Copy} icon text=${key.kid} name="Copy key id"/><small>${key.alg}</small></th>
				<td><span class=${states[key.state][0]}>${states[key.state][1]}</span></td>
				<td data-label="Signs from"><${Time} at=${key.active_from} now=${now} say=${date(key.active_from, now)}/></td><td data-label="Leaves">${key.gone_from ? html`<${Time} at=${key.gone_from} now=${now} say=${date(key.gone_from, now)}/>` : 'when its turn is over'}</td>
				${may && html`<td><button class="btn sm quiet" onClick=${() => { setFailed(undefined); setRevoking(key) }}>Revoke</button></td>`}</tr>`)}</tbody></table></div>
		<p class="mute">Public keys: <code>${new URL('.well-known/jwks.json', issuer).href}</code></p></div>
		${revoking && html`<${Dialog} title="Revoke this key?" hint="For an emergency: when its private half may have been seen." kind="revoke" onClose=${() => setRevoking(undefined)}>
			<div class="db">${failed && html`<${Failure} problem=${failed}/>`}<p class="note warn"><${Icon} name="warn"/><span>Every token that it signed stops being accepted as soon as an API fetches the keys again. Programs must get new ones.${revoking.state === 'active' ? ' The next key signs from now on.' : ''}</span></p><code>${revoking.kid}</code></div>
			<div class="df"><span class="grow"></span><button class="btn" autofocus onClick=${() => setRevoking(undefined)}>Cancel</button>
				<button class="btn danger" onClick=${() => act(() => call('post', '/admin/v1/keys/{kid}/revoke', {params: {kid: revoking.kid}}), 'The key is revoked.')}>Revoke key</button></div></${Dialog}>`}`
}
