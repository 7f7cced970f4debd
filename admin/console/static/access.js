// Create and edit, in one dialog: APIs, permissions and where, all in view at once.
import {html, useEffect, useMemo, useRef, useState} from './vendor/preact.js'
import {Problem, call, retryKey} from './api.js'
import {Conflict} from './conflict.js'
import {blank, changed, created, draftOf, errorsOf, everywhere, grantsOf, placesOf, prefilled, rebased} from './draft.js'
import {shortName} from './list.js'
import {nothing, placeIDs, toggle} from './places.js'
import {Rail, cli} from './rail.js'
import {Choice, Dialog, ErrorText, Failure, Icon, asProblem, focusFirstError, onText} from './ui.js'
import {Where, placed} from './where.js'

/** @typedef {import('./draft.js').Draft} Draft */
/** @typedef {{credential: APICredential, etag: string}} Base what is being edited, as it was read */

/** Access loads what the dialog begins with. @param {{app: App, id?: string, onClose: () => void}} props */
export const Access = ({app, id, onClose}) => {
	const [start, setStart] = useState(/** @type {{draft: Draft, base?: Base} | undefined} */ (undefined))
	const [problem, setProblem] = useState(/** @type {Problem | undefined} */ (undefined))
	const load = async () => {
		try {
			setProblem(undefined)
			setStart(await begin(app, id))
		} catch (error) {
			setProblem(asProblem(error))
		}
	}
	useEffect(() => { if (app.apis.length && !start) load() }, [app.apis.length])
	if (start) return html`<${Form} app=${app} start=${start} onClose=${onClose}/>`
	return html`<${Dialog} title=${id ? 'Edit credential' : 'New credential'} kind="wide" onClose=${onClose}>
		<div class="db">${problem ? html`<${Failure} problem=${problem} retry=${load}/>` : html`<span class="grey"></span>`}</div></${Dialog}>`
}

/** @param {App} app @param {string} [id] @returns {Promise<{draft: Draft, base?: Base}>} */
const begin = async (app, id) => {
	const world = worldOf(app)
	if (id) {
		const base = await read(app, id)
		return {draft: draftOf(base.credential, world), base}
	}
	const {query} = app.route, from = query.get('from')
	let draft = blank()
	if (from) {
		const {credential} = await read(app, from)
		draft = {...draftOf(credential, world), name: '', expires: blank().expires}
	} else if (query.has('allow') || query.has('in') || query.has('name')) {
		await app.tree.ensure(query.getAll('in').flatMap(text => text.split(',')))
		draft = prefilled(query, world, place => app.tree.nodes.get(place)?.level ?? '')
	}
	if (!draft.orgID) {
		if (!app.orgs.length) await app.tree.load('')
		const orgs = app.tree.below('')
		draft.orgID = app.orgID || (orgs.length === 1 ? orgs[0].id : '')
	}
	return {draft}
}

/** read answers a credential as it is now, and sees to it that the places it names have names.
 * @param {App} app @param {string} id @returns {Promise<Base>} */
const read = async (app, id) => {
	const {data, etag} = await call('get', '/admin/v1/credentials/{client_id}', {params: {client_id: id}})
	await app.tree.ensure([data.org_id, ...placeIDs(data.grants)])
	return {credential: data, etag}
}

/** @param {App} app */
const worldOf = app => ({apis: app.apis, parentOf: (/** @type {string} */ id) => app.tree.parent(id)})

/** useDryRun asks the server, at each pause, what the draft would allow. Only what is complete is asked about.
 * @param {App} app @param {Draft} draft @param {Base | undefined} base @param {() => void} onStale */
const useDryRun = (app, draft, base, onStale) => {
	const [said, setSaid] = useState(/** @type {import('./rail.js').Said | undefined} */ (undefined))
	const [problem, setProblem] = useState(/** @type {Problem | undefined} */ (undefined))
	const world = worldOf(app)
	const complete = {...draft, grants: Object.fromEntries(Object.entries(draft.grants).filter(([key, permissions]) => permissions.length && placesOf(draft, key, world)))}
	const order = Object.keys(complete.grants)
	const key = JSON.stringify([complete, base?.etag])
	useEffect(() => {
		if (!order.length) { setSaid(undefined); setProblem(undefined); return }
		const abort = new AbortController(), signal = abort.signal
		const timer = setTimeout(async () => {
			try {
				// A name that is still missing must not hide the rest.
				const named = {...complete, name: complete.name.trim() || base?.credential.name || `unnamed ${retryKey()}`}
				const {data} = base
					? await call('patch', '/admin/v1/credentials/{client_id}', {
						params: {client_id: base.credential.client_id}, query: {dry_run: true}, headers: {'If-Match': base.etag},
						body: changed(named, base.credential, world), signal,
					})
					: await call('post', '/admin/v1/credentials', {query: {dry_run: true}, body: created(named, world, Date.now()), signal})
				if (signal.aborted) return
				setProblem(undefined)
				if ('warnings' in data && !('client_id' in data)) setSaid(data)
			} catch (error) {
				if (signal.aborted) return
				const failed = asProblem(error)
				setProblem(failed)
				if (failed.status === 412) onStale()
			}
		}, 150)
		return () => { clearTimeout(timer); abort.abort() }
	}, [key])
	return {said, problem, order}
}

/** @param {{app: App, start: {draft: Draft, base?: Base}, onClose: () => void}} props */
const Form = ({app, start, onClose}) => {
	const [draft, setDraft] = useState(start.draft)
	const [base, setBase] = useState(start.base)
	const [problem, setProblem] = useState(/** @type {Problem | undefined} */ (undefined))
	const [theirs, setTheirs] = useState(/** @type {Base | undefined} */ (undefined))
	const [busy, setBusy] = useState(false)
	const [leaving, setLeaving] = useState(false)
	const form = useRef(/** @type {HTMLFormElement | null} */ (null))
	const sent = useRef({body: '', key: ''})
	const world = worldOf(app)
	const untouched = useMemo(() => JSON.stringify(start.draft), [])
	const stale = async () => { if (base) setTheirs(await read(app, base.credential.client_id)) }
	const live = useDryRun(app, draft, base, stale)

	/** @param {Partial<Draft>} change */
	const set = change => { setDraft({...draft, ...change}); setProblem(undefined) }

	/** @param {Draft} what @param {Base} [on] */
	const save = async (what, on = base) => {
		setBusy(true)
		try {
			await (on ? change(app, what, on, world) : make(app, what, world, sent.current))
			if (on) onClose()
		} catch (error) {
			const failed = asProblem(error)
			setBusy(false)
			if (failed.status === 412) { await stale(); return }
			setProblem(failed)
			requestAnimationFrame(() => focusFirstError(form.current))
		}
	}
	const close = () => JSON.stringify(draft) === untouched ? onClose() : setLeaving(true)

	// What the server said to the attempt to save; while typing, only what typing on will not mend.
	const order = Object.keys(draft.grants)
	const errors = problem ? errorsOf(problem.errors, order)
		: errorsOf(live.problem?.errors.filter(e => e.code === 'taken' || e.code === 'not_grantable' || !e.pointer.startsWith('/name')) ?? [], live.order)
	const many = problem && problem.errors.length > 1
	const grants = grantsOf(draft, world, base?.credential.grants)
	const failure = problem && !problem.errors.length ? problem : !problem && live.problem && !live.problem.errors.length && live.problem.status !== 412 ? live.problem : undefined
	return html`<${Dialog} title=${base ? `Edit ${base.credential.name}` : 'New credential'} kind="wide" onClose=${close}>
		<div class="two"><form ref=${form} id="access" novalidate onSubmit=${(/** @type {Event} */ e) => { e.preventDefault(); if (!busy) save(draft) }}>
			${theirs && base && html`<${Conflict} app=${app} base=${base.credential} theirs=${theirs.credential} draft=${draft} world=${world}
				onMine=${() => {
					const mine = rebased(draft, base.credential, theirs.credential, world)
					setDraft(mine); setBase(theirs); setTheirs(undefined); save(mine, theirs)
				}} onTheirs=${() => { setDraft(draftOf(theirs.credential, world)); setBase(theirs); setTheirs(undefined) }}/>`}
			${failure && html`<${Failure} problem=${failure}/>`}
			${many && html`<p class="note bad" role="alert"><${Icon} name="warn"/><span>${problem.errors.length} things are wrong. Nothing was saved, and nothing is lost.</span></p>`}
			<${Basics} draft=${draft} set=${set} errors=${errors.fields} isNew=${!base} orgs=${!base && !app.me.org_id && app.orgs.length > 1 ? app.orgs : []}/>
			<${APIs} app=${app} draft=${draft} set=${set} error=${errors.fields.grants} errors=${errors.grants}/>
			<${Permissions} app=${app} draft=${draft} set=${set} errors=${errors.grants}/>
			<${Scope} app=${app} draft=${draft} set=${set} errors=${errors.grants}/>
			<${More} draft=${draft} set=${set} errors=${errors.fields}/>
		</form>
		<${Rail} app=${app} said=${live.said} before=${base?.credential} grants=${draft.grants}
			waiting=${order.length ? 'Choose what it may do, and where: this says then what it can.' : 'Choose an API to begin with.'}
			cli=${cli(base ? 'update' : 'create', base?.credential.client_id ?? (draft.name.trim() || 'NAME'), grants)}/></div>
		<div class="df">${leaving ? html`<div class="note warn" role="alert"><${Icon} name="warn"/><span>What you entered will be gone. Close anyway?</span>
				<button type="button" class="btn sm" autofocus onClick=${() => setLeaving(false)}>Keep editing</button><button type="button" class="btn sm" onClick=${onClose}>Discard</button></div>` : null}
			<button type="button" class="peek" onClick=${() => document.getElementById('rail')?.scrollIntoView()}><${Icon} name="info"/><span>${live.said?.summary.length ? `Can: ${live.said.summary.join('; ')}` : 'It can do nothing yet'}</span></button>
			<span class="mute grow">${base ? 'Changes hold for new tokens at once.' : 'You can change APIs, permissions and scope later.'}</span>
			<button type="button" class="btn" onClick=${close}>Cancel</button><button class="btn primary" form="access" disabled=${busy}>${base ? 'Save changes' : 'Create credential'}</button></div>
	</${Dialog}>`
}

/** make creates it. The same body has the same key, so that a lost answer does not make two.
 * @param {App} app @param {Draft} draft @param {import('./draft.js').World} world @param {{body: string, key: string}} sent */
const make = async (app, draft, world, sent) => {
	const same = JSON.stringify(draft)
	if (sent.body !== same) Object.assign(sent, {body: same, key: retryKey(), at: Date.now()})
	const at = /** @type {{at?: number}} */ (sent).at ?? Date.now()
	const {data} = await call('post', '/admin/v1/credentials', {body: created(draft, world, at), headers: {'Idempotency-Key': sent.key}})
	if (!('client_id' in data)) return
	app.go(app.link({page: 'list', id: ''}), true)
	app.showSecret({clientID: data.client_id, name: data.name, secret: data.client_secret ?? '', rotated: false})
}

/** @param {App} app @param {Draft} draft @param {Base} base @param {import('./draft.js').World} world */
const change = async (app, draft, base, world) => {
	const body = changed(draft, base.credential, world)
	if (Object.keys(body).length === 0) return
	const {data} = await call('patch', '/admin/v1/credentials/{client_id}', {
		params: {client_id: base.credential.client_id}, headers: {'If-Match': base.etag}, body,
	})
	if (!('client_id' in data)) return
	app.changed(data)
	app.tell({text: `${data.name} is saved.`})
}

/** @typedef {{draft: Draft, set: (change: Partial<Draft>) => void}} Editing */

/** @param {Editing & {errors: Record<string, string>, isNew: boolean, orgs: Tenant[]}} props */
const Basics = ({draft, set, errors, isNew, orgs}) => html`
	<div class=${isNew ? 'pair' : ''}><div class="field"><label for="name">Name</label><input id="name" type="text" value=${draft.name} autocomplete="off" autofocus maxlength="200"
			aria-invalid=${errors.name ? 'true' : undefined} aria-describedby="name-error" onInput=${onText(name => set({name}))}/><${ErrorText} id="name-error" text=${errors.name}/></div>
		${isNew && html`<div class="field"><label for="expires">Secret expires</label><select id="expires" value=${draft.expires} onChange=${onText(expires => set({expires}))}>
			<option value="365">in 1 year</option><option value="90">in 90 days</option><option value="30">in 30 days</option><option value="">never</option></select><${ErrorText} text=${errors.secret_expires_at}/></div>`}</div>
	${orgs.length > 0 && html`<div class="field"><label for="org">Organization</label><select id="org" value=${draft.orgID} aria-invalid=${errors.org_id ? 'true' : undefined} aria-describedby="org-error"
		onChange=${onText(orgID => set({orgID, places: {[everywhere]: nothing}}))}><option value="">Choose one; it never changes</option>
		${orgs.map(org => html`<option key=${org.id} value=${org.id}>${org.name}</option>`)}</select><${ErrorText} id="org-error" text=${errors.org_id}/></div>`}`

const levels = /** @type {Record<string, string>} */ ({org: 'organization', installation: 'management', account: 'account', workspace: 'workspace'})

/** APIs are cards that say their level. Choosing one that has a single permission chooses that too.
 * @param {Editing & {app: App, error?: string, errors: Record<string, Record<string, string>>}} props */
const APIs = ({app, draft, set, error, errors}) => {
	const shown = app.apis.filter(api => api.status === 'active' && (api.level !== 'installation' || app.me.permissions.length > 0) || api.key in draft.grants)
	/** @param {API} api */
	const pick = api => {
		const {[api.key]: had, ...others} = draft.grants
		set({grants: had ? others : {...draft.grants, [api.key]: api.permissions.length === 1 ? [api.permissions[0].key] : []}})
	}
	const count = Object.keys(draft.grants).length
	return html`<fieldset aria-invalid=${error ? 'true' : undefined} aria-describedby="apis-error"><legend><span class="n">1</span>APIs<small>${count ? `${count} selected` : ''}</small></legend><${ErrorText} id="apis-error" text=${error}/><div class="apis">
		${shown.map(api => {
			const denied = app.me.kind === 'operator' && api.grantable_by.length > 0 && !api.grantable_by.some(role => app.me.roles.includes(/** @type {any} */ (role)))
			return html`<label key=${api.key} class="pick" title=${api.description}><input type="checkbox" checked=${api.key in draft.grants} disabled=${denied && !(api.key in draft.grants)} onChange=${() => pick(api)}/>
				<span><b>${shortName(app, api.key)}</b><small>${denied ? `needs ${api.grantable_by.join(' or ').replace(/_/g, ' ')}` : levels[api.level]}</small><${ErrorText} text=${errors[api.key]?.api}/></span></label>`
		})}</div></fieldset>`
}

/** @param {Editing & {app: App, errors: Record<string, Record<string, string>>}} props */
const Permissions = ({app, draft, set, errors}) => {
	const keys = Object.keys(draft.grants)
	return html`<fieldset><legend><span class="n">2</span>Permissions</legend>${keys.length ? html`<div class="perms">${keys.map(key => {
		const api = app.api(key), held = draft.grants[key], error = errors[key]?.permissions
		if (!api) return html`<div key=${key} class="perm"><div><b>${key}</b><small>not in the catalogue any more</small></div></div>`
		/** @param {string[]} permissions */
		const grant = permissions => set({grants: {...draft.grants, [key]: permissions}})
		const hint = api.permissions.length === 1 ? `Only this is available for this API` : api.choice === 'one' ? api.description : 'Any of them'
		return html`<div key=${key} class=${error ? 'perm wrong' : 'perm'} role="group" aria-label=${`${api.name} permissions`}><div><b>${shortName(app, key)}</b><small>${hint}</small></div>${api.choice === 'one'
			? html`<div class="seg" role="radiogroup" aria-label=${`${api.name} permission`} aria-invalid=${error ? 'true' : undefined}>${api.permissions.map(p => html`<label key=${p.key} title=${p.description}>
				<input type="radio" name=${`permission-${key}`} checked=${held.includes(p.key)} onChange=${() => grant([p.key])}/>${p.name}</label>`)}</div>`
			: html`<div class="seg many" role="group" aria-label=${`${api.name} permissions`} aria-invalid=${error ? 'true' : undefined}>${api.permissions.map(p => html`<label key=${p.key} title=${p.description}>
				<input type="checkbox" checked=${held.includes(p.key)} onChange=${() => grant(inOrder(api, toggle(held, p.key)))}/>${p.name}</label>`)}</div>`}
			<${ErrorText} text=${error}/></div>`
	})}</div>` : html`<small>Each chosen API has its own.</small>`}</fieldset>`
}

/** @param {API} api @param {string[]} permissions */
const inOrder = (api, permissions) => api.permissions.map(p => p.key).filter(key => permissions.includes(key))

/** Scope is where. One tree serves all APIs, unless they differ already or somebody wants them to.
 * @param {Editing & {app: App, errors: Record<string, Record<string, string>>}} props */
const Scope = ({app, draft, set, errors}) => {
	const [tab, setTab] = useState(everywhere)
	const parentOf = (/** @type {string} */ id) => app.tree.parent(id)
	const apis = Object.keys(draft.grants).flatMap(key => app.api(key) ?? [])
	const divisible = apis.filter(api => api.level === 'account' || api.level === 'workspace')
	const own = divisible.filter(api => draft.places[api.key])
	const apart = own.length > 0
	const of = apart ? draft.places[tab] && (tab === everywhere || tab in draft.grants) ? tab : own[0].key : everywhere
	const shown = apis.filter(api => !apart || (of === everywhere ? !draft.places[api.key] : api.key === of))
	const ticks = draft.places[of] ?? nothing
	const texts = [...new Set(Object.values(errors).flatMap(of => of.applies_to ?? []))]
	const split = () => {
		set({places: {...draft.places, ...Object.fromEntries(divisible.map(api => [api.key, draft.places[everywhere]]))}})
		setTab(divisible[0].key)
	}
	const join = () => { set({places: {[everywhere]: ticks}}); setTab(everywhere) }
	return html`<fieldset aria-invalid=${texts.length ? 'true' : undefined}><legend><span class="n">3</span>Scope<small>${placed(ticks, parentOf)}</small></legend>
		${texts.map(text => html`<${ErrorText} key=${text} text=${text}/>`)}
		${apart && html`<div class="tabbed row wrap"><${Choice} name="scope-of" label="Scope of" value=${of} onChange=${setTab} options=${own.map(api => ({value: api.key, label: shortName(app, api.key)}))}/>
			<button type="button" class="btn sm quiet" onClick=${join}>Same for all</button></div>`}
		${apis.length === 0 ? html`<small>Where depends on the APIs: some work in workspaces, some in whole accounts.</small>`
		: !draft.orgID ? html`<small>Choose the organization first.</small>`
		: html`<${Where} app=${app} orgID=${draft.orgID} ticks=${ticks}
			chosen=${shown.map(api => ({api, permissions: draft.grants[api.key], ticks: draft.places[api.key] ?? draft.places[everywhere], installation: draft.installation.includes(api.key)}))}
			onChange=${(/** @type {import('./places.js').Ticks} */ next) => set({places: {...draft.places, [of]: next}})}
			onInstallation=${(/** @type {boolean} */ on) => set({installation: on ? apis.filter(a => a.level === 'installation').map(a => a.key) : []})}/>`}
		${!apart && divisible.length > 1 && html`<button type="button" class="btn sm quiet" onClick=${split}>Choose for each API apart</button>`}</fieldset>`
}

/** Line is a field of one line. @param {{id: string, name: string, hint?: string, error?: string, value: string, set: (value: string) => void, [attribute: string]: unknown}} props */
const Line = ({id, name, hint, error, set, ...attributes}) => html`<div class="field"><label for=${id}>${name}</label><input id=${id} type="text" autocomplete="off" ...${attributes} aria-invalid=${error ? 'true' : undefined} onInput=${onText(set)}/>
	${hint && html`<small>${hint}</small>`}<${ErrorText} text=${error}/></div>`

/** More is what few need. It opens by itself where something is wrong in it.
 * @param {Editing & {errors: Record<string, string>}} props */
const More = ({draft, set, errors}) => html`<details class="more" open=${Boolean(draft.note || draft.owner || draft.lifetime || draft.hourly || draft.daily || draft.networks ||
		['note', 'owner', 'token_lifetime', 'token_quota_per_hour', 'token_quota_per_day', 'allowed_cidrs'].some(key => errors[key]))}>
	<summary>Owner, note, token lifetime and quota, networks</summary><div>
	<${Line} id="owner" name="Owner" value=${draft.owner} maxlength="200" error=${errors.owner} set=${(/** @type {string} */ owner) => set({owner})} hint="Whom to ask about it: a team, a person, an address"/>
	<div class="field"><label for="note">Note</label><textarea id="note" maxlength="2000" rows="2" value=${draft.note} aria-invalid=${errors.note ? 'true' : undefined} onInput=${onText(note => set({note}))}></textarea><${ErrorText} text=${errors.note}/></div>
	<${Line} id="lifetime" name="Token lifetime in minutes" value=${draft.lifetime} inputmode="decimal" error=${errors.token_lifetime} set=${(/** @type {string} */ lifetime) => set({lifetime})} hint="Empty leaves it to the APIs, which cap it in any case"/>
	<${Line} id="hourly" name="Tokens per hour" value=${draft.hourly} inputmode="numeric" error=${errors.token_quota_per_hour} set=${(/** @type {string} */ hourly) => set({hourly})} hint="Empty: any number"/>
	<${Line} id="daily" name="Tokens per day" value=${draft.daily} inputmode="numeric" error=${errors.token_quota_per_day} set=${(/** @type {string} */ daily) => set({daily})} hint="Empty: any number"/>
	<div class="field"><label for="networks">Allowed networks</label><textarea id="networks" class="mono" rows="2" spellcheck="false" value=${draft.networks} aria-invalid=${errors.allowed_cidrs ? 'true' : undefined} onInput=${onText(networks => set({networks}))}></textarea>
		<small>Addresses or CIDRs, one a line. Empty allows any</small><${ErrorText} text=${errors.allowed_cidrs}/></div></div></details>`
