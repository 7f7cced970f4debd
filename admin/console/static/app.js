// The shell: who is signed in, where one is, which dialog is open, and what belongs to all views.
import {html, render, useEffect, useMemo, useRef, useState} from './vendor/preact.js'
import {call, issuer, whenSignedOut} from './api.js'
import {Access} from './access.js'
import {Account} from './account.js'
import {Audit, Refusals} from './audit.js'
import {useKeys, KeySheet} from './keyboard.js'
import {Keys} from './keys.js'
import {List} from './list.js'
import {Panel} from './panel.js'
import {Remove} from './remove.js'
import {Rotate} from './rotate.js'
import {address, parse} from './route.js'
import {SecretDialog} from './secret.js'
import {SignInDialog, SignInPage, WelcomePage, atWelcome, signOut} from './session.js'
import {Toast, useSwitch} from './switch.js'
import {Tree} from './tree.js'
import {Failure, Icon, asProblem, onText} from './ui.js'

/** @typedef {import('./api.js').Problem} Problem */

const roleNames = {admin: 'Admin', compliance_admin: 'Compliance Admin', viewer: 'Viewer', custom_role_admin: 'Custom Role Admin'}

/** Shell finds out who one is. */
const Shell = () => {
	const [me, setMe] = useState(/** @type {Me | null | undefined} */ (undefined))
	const [problem, setProblem] = useState(/** @type {Problem | undefined} */ (undefined))
	const [asking, setAsking] = useState(/** @type {{done: () => void} | undefined} */ (undefined))
	const load = () => {
		setProblem(undefined)
		call('get', '/admin/v1/me').then(({data}) => {
			// Whoever signs in over a page does it as themselves; all others start anew.
			let waiting = /** @type {Promise<void> | undefined} */ (undefined)
			whenSignedOut(() => waiting ??= new Promise(resolve => {
				setAsking({done: async () => {
					const {data: now} = await call('get', '/admin/v1/me')
					if (now.id !== data.id) location.reload()
					waiting = undefined
					setAsking(undefined)
					resolve()
				}})
			}))
			setMe(data)
		}, error => asProblem(error).status === 401 ? setMe(null) : setProblem(asProblem(error)))
	}
	const [welcome, setWelcome] = useState(atWelcome)
	useEffect(() => {
		load()
		const follow = () => { if (atWelcome()) setWelcome(true) }
		follow()
		addEventListener('hashchange', follow)
		return () => removeEventListener('hashchange', follow)
	}, [])
	if (welcome) return html`<${WelcomePage} onDone=${() => { setWelcome(false); load() }}/>`
	if (problem) return html`<main class="bare"><${Failure} problem=${problem} retry=${load}/></main>`
	if (me === undefined) return null
	if (me === null) return html`<${SignInPage} onDone=${load}/>`
	if (!me.permissions.includes('credentials:read')) return html`<main class="bare"><h1>Nothing to see here yet</h1>
		<p class="gap">You are signed in, but may not view credentials. Ask an Admin of your organization for the role Viewer, Compliance Admin or Admin.</p>
		<p class="gap"><button class="btn" onClick=${signOut}>Sign out</button></p></main>`
	return html`<${Console} me=${me}/>${asking && html`<${SignInDialog} onDone=${asking.done}/>`}`
}

/** @param {{me: Me}} props */
const Console = ({me}) => {
	const [hash, setHash] = useState(location.hash)
	const [version, setVersion] = useState(0)
	const [now, setNow] = useState(Date.now())
	const [, setTreeTurn] = useState(0)
	const [apis, setAPIs] = useState(/** @type {API[]} */ ([]))
	const [people, setPeople] = useState(/** @type {Map<string, string>} */ (new Map()))
	const [secret, setSecret] = useState(/** @type {NewSecret | undefined} */ (undefined))
	const [endpoint, setEndpoint] = useState(new URL('oauth/token', issuer).href)
	const tree = useMemo(() => new Tree(() => setTreeTurn(n => n + 1)), [])
	const rows = useRef(/** @type {APICredential[]} */ ([]))
	const changed = useRef(/** @type {Map<string, APICredential>} */ (new Map()))
	const route = useMemo(() => parse(hash), [hash])
	const held = useRef(/** @type {{hash: string, onLeave: () => void} | null} */ (null))

	useEffect(() => {
		const stay = () => {
			if (!held.current) return false
			history.pushState(null, '', held.current.hash || '#/')
			held.current.onLeave()
			return true
		}
		const follow = () => { if (location.hash === held.current?.hash || !stay()) setHash(location.hash) }
		addEventListener('popstate', stay)
		addEventListener('hashchange', follow)
		const timer = setInterval(() => setNow(Date.now()), 20_000)
		return () => { removeEventListener('popstate', stay); removeEventListener('hashchange', follow); clearInterval(timer) }
	}, [])
	useEffect(() => {
		const quietly = () => {}
		tree.first = prefetch(tree).catch(quietly)
		if (me.permissions.includes('catalog:read')) call('get', '/admin/v1/apis').then(({data}) => setAPIs(data.data), quietly)
		if (me.permissions.includes('operators:write')) {
			call('get', '/admin/v1/operators', {query: {limit: 100}}).then(({data}) => setPeople(new Map(data.data.map(o => [o.id, o.name]))), quietly)
		}
		fetch(new URL('.well-known/oauth-authorization-server', issuer)).then(answer => answer.json()).then(metadata => setEndpoint(metadata.token_endpoint), quietly)
	}, [])

	const orgs = tree.below('')
	const orgID = me.org_id ?? route.query.get('org_id') ?? ''
	const org = tree.nodes.get(orgID) ?? (orgs.length === 1 ? orgs[0] : undefined)
	/** @type {App} */
	const app = {
		me, route, version, now, apis, tree, orgID, org, orgs, endpoint, people,
		narrow: matchMedia('(max-width: 900px)').matches,
		keys: localStorage.getItem('keys') !== 'off',
		may: permission => me.permissions.includes(permission),
		api: key => apis.find(a => a.key === key),
		person: id => id === me.id ? 'You' : people.get(id) ?? rows.current.find(c => c.client_id === id)?.name ?? id,
		link: change => address(route, change),
		go: (to, replace = false) => {
			if (!replace) { location.hash = to; return }
			history.replaceState(null, '', to)
			setHash(to)
		},
		keepRows: list => { rows.current = list; changed.current = new Map() },
		rows: () => rows.current,
		latest: credential => changed.current.get(credential.client_id) ?? credential,
		changed: credential => {
			changed.current.set(credential.client_id, credential)
			setVersion(n => n + 1)
			setNow(Date.now())
		},
		reload: () => { setVersion(n => n + 1); setNow(Date.now()) },
		toggle: credential => toggle(credential),
		tell: message => tell(message),
		showSecret: shown => { setNow(Date.now()); setVersion(n => n + 1); setSecret(shown) },
		hold: leaving => {
			held.current = leaving && {hash: location.hash, onLeave: leaving}
			if (leaving) history.pushState(null, '', location.hash || '#/') // Back goes from here to here.
		},
	}
	const {toast, toggle, tell, dismiss} = useSwitch(app)
	const [sheet, setSheet] = useState(false)
	const [account, setAccount] = useState(false)
	useKeys(app, {open: () => setSheet(true)})

	const close = () => app.go(app.link({tab: route.tab}), true)
	const {edit, rotate, remove} = {edit: route.query.get('edit'), rotate: route.query.get('rotate'), remove: route.query.get('delete')}
	const may = app.may('credentials:write')
	const split = route.page === 'list' && route.id !== ''
	return html`
		<${Top} app=${app} onKeys=${() => setSheet(true)} onAccount=${() => setAccount(true)}/>
		<main class=${split ? 'page split' : 'page'}>
			<section id="pane" tabindex="-1" aria-label="List" inert=${split && app.narrow}>${
				route.page === 'keys' ? html`<${Keys} app=${app}/>`
				: route.page === 'audit' ? html`<${Audit} app=${app}/>`
				: route.page === 'refusals' ? html`<${Refusals} app=${app}/>`
				: html`<${List} app=${app}/>`}</section>
			${split && html`<${Panel} key=${route.id} app=${app} id=${route.id}/>`}
		</main>
		${secret ? html`<${SecretDialog} app=${app} made=${secret} onClose=${() => setSecret(undefined)}/>`
		: may && route.page === 'new' ? html`<${Access} app=${app} onClose=${() => app.go(app.link({page: 'list'}), true)}/>`
		: may && edit ? html`<${Access} key=${edit} app=${app} id=${edit} onClose=${close}/>`
		: may && rotate ? html`<${Rotate} key=${rotate} app=${app} id=${rotate} onClose=${close}/>`
		: may && remove ? html`<${Remove} key=${remove} app=${app} id=${remove} onClose=${close}/>`
		: null}
		${sheet && html`<${KeySheet} onClose=${() => setSheet(false)} onChange=${() => app.reload()}/>`}
		${account && html`<${Account} onClose=${() => setAccount(false)}/>`}
		<${Toast} toast=${toast} onDismiss=${dismiss}/>`
}

/** prefetch loads the upper part of the tree; all of it, where it is small. @param {Tree} tree */
const prefetch = async tree => {
	const few = 8
	await tree.load('')
	if (tree.below('').length !== 1) return
	const [org] = tree.below('')
	await tree.load(org.id)
	const accounts = tree.below(org.id)
	if (accounts.length <= few) await Promise.all(accounts.map(a => tree.load(a.id)))
}

/** Top is the bar that every page has. @param {{app: App, onKeys: () => void, onAccount: () => void}} props */
const Top = ({app, onKeys, onAccount}) => {
	const {me, route, orgs} = app
	const name = app.people.get(me.id) ?? ''
	const roles = me.kind === 'client' ? 'Program' : me.roles.map(role => roleNames[role]).join(', ')
	const initials = (name || roles).split(/\s+/).map(word => word[0]).slice(0, 2).join('').toUpperCase()
	const pages = /** @type {[string, string, string][]} */ ([
		['list', 'Credentials', 'credentials:read'], ['refusals', 'Refusals', 'credentials:read'],
		['keys', 'Signing keys', 'keys:read'], ['audit', 'Audit trail', 'audit:read'],
	])
	const page = route.page === 'new' ? 'list' : route.page
	return html`<header class="top"><a class="btn skip" href="#pane" onClick=${(/** @type {Event} */ e) => { e.preventDefault(); document.getElementById('pane')?.focus() }}>Skip to the list</a><span class="mark"><${Icon} name="key"/></span>
		${!me.org_id && orgs.length > 1 ? html`<select aria-label="Organization" value=${app.orgID} onChange=${onText(id => app.go(app.link({id: '', set: {org_id: id || null, where: null}})))}>
			<option value="">All organizations</option>${orgs.map(o => html`<option key=${o.id} value=${o.id}>${o.name}</option>`)}</select>`
		: html`<b>${app.org?.name ?? 'Latchkey'}</b>`}
		<nav aria-label="Pages">${pages.filter(([, , permission]) => app.may(permission)).map(([key, text]) =>
			html`<a key=${key} href=${key === 'list' ? '#/' : `#/${key}`} aria-current=${page === key ? 'page' : undefined}>${text}</a>`)}</nav>
		<span class="grow"></span>
		<button class="ib hide-s" aria-label="Keyboard shortcuts" onClick=${onKeys}><kbd aria-hidden="true">?</kbd></button>
		<button class="ib" aria-label="Switch theme" onClick=${switchTheme}><${Icon} name="moon"/></button>
		<div class="who"><span class="chip">${roles}</span>${name && html`<span class="hide-s">${name}</span>`}
			${me.kind === 'operator' && html`<button class="av" aria-label=${`${initials}, your account`} onClick=${onAccount}>${initials}</button><button class="ib" aria-label="Sign out" onClick=${signOut}><${Icon} name="out"/></button>`}</div></header>`
}

const switchTheme = () => {
	const root = document.documentElement
	const dark = (root.dataset.theme ?? (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light')) === 'dark'
	root.dataset.theme = dark ? 'light' : 'dark'
	localStorage.setItem('theme', root.dataset.theme)
}

render(html`<${Shell}/>`, /** @type {HTMLElement} */ (document.getElementById('app')))
