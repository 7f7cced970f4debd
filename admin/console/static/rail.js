// Beside the form: what the credential can do, in the server's words, while one chooses.
import {html} from './vendor/preact.js'
import {inShell} from './formats.js'
import {shortName} from './list.js'
import {Icon} from './ui.js'
import {seconds} from './words.js'

/** @typedef {{summary: string[], warnings: string[]}} Said */

/** split takes a sentence of the server apart for the eye: verb, object, place. The catalogue says how it begins.
 * @param {API[]} apis @param {string} sentence */
export const split = (apis, sentence) => {
	const beginnings = apis.flatMap(api => api.permissions.map(p => ({text: p.sentence || `${p.name} (${api.name})`, broad: p.key === 'admin'})))
		.filter(b => sentence.startsWith(b.text + ' ')).sort((a, b) => b.text.length - a.text.length)
	const begin = beginnings[0]?.text ?? sentence
	const [verb, ...object] = begin.split(' ')
	return {verb, object: object.join(' '), place: sentence.slice(begin.length).trim(), broad: beginnings[0]?.broad ?? false}
}

/** Can are sentences with a sign. @param {{app: App, summary: string[], before?: string[]}} props */
export const Can = ({app, summary, before}) => {
	const lines = [...before?.filter(s => !summary.includes(s)).map(s => ({s, kind: 'minus'})) ?? [],
		...summary.map(s => ({s, kind: before && !before.includes(s) ? 'plus' : ''}))]
	return lines.map(({s, kind}) => {
		const {verb, object, place, broad} = split(app.apis, s)
		return html`<li key=${kind + s} class=${kind || (broad ? 'broad' : '')}><${Icon} name=${kind === 'minus' ? 'x' : kind === 'plus' ? 'plus' : broad ? 'warn' : 'check'}/>
			<span><b>${verb}</b> ${object}<small>${place}</small>${kind && html`<span class="vh"> (${kind === 'plus' ? 'added' : 'removed'})</span>`}</span></li>`
	})
}

/** cannot says which permissions of the chosen APIs are not chosen, and which APIs are not. @param {App} app @param {Record<string, string[]>} grants */
const cannot = (app, grants) => {
	const denied = app.apis.filter(api => grants[api.key]?.length).flatMap(api => api.permissions.filter(p => !grants[api.key].includes(p.key))
		.map(p => lower(p.sentence || `${p.name} (${api.name})`)))
	const others = app.apis.filter(api => !(api.key in grants) && api.status === 'active' && api.level !== 'installation').map(api => shortName(app, api.key))
	const sentences = [denied.length ? list(denied) : '', others.length ? `reach ${list(others)} at all` : ''].filter(Boolean)
	return sentences.map(text => text.charAt(0).toUpperCase() + text.slice(1) + '.').join(' ')
}

/** @param {string} text */
const lower = text => text.charAt(0).toLowerCase() + text.slice(1)
/** @param {string[]} words */
const list = words => words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`

/** @param {{app: App, said: Said | undefined, waiting: string, grants: Record<string, string[]>, before?: APICredential, cli: string}} props */
export const Rail = ({app, said, waiting, grants, before, cli}) => {
	const never = cannot(app, grants)
	const lifetime = Math.max(0, ...before?.grants.map(g => app.api(g.api)?.token_lifetime ?? 0) ?? [])
	const differs = before && said && String(before.summary) !== String(said.summary)
	return html`<div id="rail" role="region" aria-label="Summary" tabindex="0">
		<h3>${differs ? 'What changes' : 'This credential can'}</h3>
		<ul class="can" aria-live="polite">${said ? html`<${Can} app=${app} summary=${said.summary} before=${before?.summary}/>` : html`<li class="mute"><${Icon} name="info"/><span>${waiting}</span></li>`}</ul>
		${differs && lifetime > 0 && html`<small>If access is taken away, tokens already issued end. APIs that do not ask us take them for up to ${seconds(lifetime)}.</small>`}
		${said?.warnings.map(text => html`<p key=${text} class="note info gap"><${Icon} name="info"/><span>${text.charAt(0).toUpperCase() + text.slice(1)}</span></p>`)}
		${said && never && html`<h3 class="gap">It cannot</h3><small>${never}</small>`}
		${said && html`<h3 class="gap">Same from the CLI</h3><pre tabindex="0" role="group" aria-label="CLI command">${cli}</pre>`}
	</div>`
}

/** cli is the command that does the same. @param {string} verb @param {string} who @param {NewGrant[]} grants */
export const cli = (verb, who, grants) => {
	const where = grants.map(({applies_to = {}}) => applies_to.installation ? 'installation' : applies_to.org ? 'org'
		: [...applies_to.accounts ?? [], ...applies_to.workspaces ?? [], ...applies_to.all_workspaces_of ?? []].join(','))
	const shared = where.every(ids => ids === where[0] && ids !== 'org' && ids !== 'installation')
	const lines = [`latchkey credentials ${verb}`, `  ${inShell(who)}`, ...grants.flatMap((grant, i) => (grant.permissions ?? []).map(permission =>
		`  --allow ${inShell(`${grant.api}:${permission}${where[i] && !shared ? '@' + where[i] : ''}`)}`))]
	if (shared && where[0]) lines.push(`  --in ${where[0]}`)
	return lines.join(' \\\n')
}
