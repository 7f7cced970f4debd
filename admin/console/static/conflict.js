// Two people at the same credential: the second is told, sees both versions, and loses nothing.
import {html} from './vendor/preact.js'
import {changed, draftOf} from './draft.js'
import {summarize} from './places.js'
import {Icon} from './ui.js'
import {ago, field, plain} from './words.js'

/** @param {{app: App, base: APICredential, theirs: APICredential, draft: import('./draft.js').Draft, world: import('./draft.js').World, onMine: () => void, onTheirs: () => void}} props */
export const Conflict = ({app, base, theirs, draft, world, onMine, onTheirs}) => {
	const mine = /** @type {Record<string, unknown>} */ (changed(draft, base, world))
	const there = /** @type {Record<string, unknown>} */ (changed(draftOf(theirs, world), base, world))
	const was = /** @type {Record<string, unknown>} */ (/** @type {unknown} */ (base))
	const status = theirs.status !== base.status
	const names = [...new Set([...Object.keys(mine), ...Object.keys(there)])]
	const both = names.filter(name => name in mine && name in there)
	/** @param {unknown} value */
	const show = value => Array.isArray(value) && value[0]?.api
		? value.map(g => `${(g.permissions ?? []).map((/** @type {string} */ p) => `${g.api}:${p}`).join(' ')} in ${places(app, g)}`).join('\n') : plain(value)
	return html`<div class="note warn" role="alert"><${Icon} name="warn"/><span>
		<p><b>${app.person(theirs.updated_by)} changed this ${ago(theirs.updated_at, app.now)}.</b> ${both.length ? 'You both changed the same: choose whose to keep.' : 'Nothing of yours is lost.'}
			${status && ` It is ${theirs.status} now.`}</p>
		${names.length > 0 && html`<table class="versions gap"><thead><tr><th scope="col"><span class="vh">Field</span></th><th scope="col">Theirs</th><th scope="col">Yours</th></tr></thead>
			<tbody>${names.map(name => html`<tr key=${name}><th scope="row">${field(name)}</th><td>${show(name in there ? there[name] : was[name])}</td><td>${show(name in mine ? mine[name] : was[name])}</td></tr>`)}</tbody></table>`}
		<p class="row wrap gap"><button type="button" class="btn sm" onClick=${onMine}>Keep mine</button><button type="button" class="btn sm" onClick=${onTheirs}>Take theirs</button>
			<small>Keep mine saves what you changed on top of theirs.</small></p></span></div>`
}

/** @param {App} app @param {NewGrant} grant */
const places = (app, grant) => {
	const {first, rest} = summarize([{applies_to: grant.applies_to ?? {}}], id => app.tree.name(id))
	return `${first} ${rest}`.trim()
}
