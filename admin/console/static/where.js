// The tree in which one chooses where permissions hold. Native checkboxes in nested lists: no ARIA tree, whose mixed
// states are told differently by every screen reader.
import {html, useEffect, useState} from './vendor/preact.js'
import {broad, shortName} from './list.js'
import {appliesTo, toggle} from './places.js'
import {Icon, asProblem, onText} from './ui.js'

/** @typedef {import('./places.js').Ticks} Ticks */
/** @typedef {import('./draft.js').Draft} Draft */

/** @param {{app: App, orgID: string, chosen: {api: API, permissions: string[], ticks: Ticks, installation: boolean}[],
 *   ticks: Ticks, onChange: (ticks: Ticks) => void, onInstallation: (on: boolean) => void}} props */
export const Where = ({app, orgID, chosen, ticks, onChange, onInstallation}) => {
	const {tree} = app
	const [open, setOpen] = useState(/** @type {string[]} */ ([]))
	const [q, setQ] = useState('')
	const [found, setFound] = useState(/** @type {Tenant[] | undefined} */ (undefined))
	const [failed, setFailed] = useState('')
	const accounts = tree.below(orgID)
	const levels = new Set(chosen.map(c => c.api.level))
	const load = (/** @type {string} */ id) => tree.load(id).catch(error => setFailed(asProblem(error).message))
	useEffect(() => { if (orgID) load(orgID) }, [orgID])
	useEffect(() => {
		if (accounts.length <= 8) for (const account of accounts) load(account.id)
	}, [orgID, accounts.length])
	useEffect(() => {
		if (!q.trim()) { setFound(undefined); return }
		const abort = new AbortController()
		const timer = setTimeout(() => tree.search(q.trim(), orgID, abort.signal).then(setFound, () => {}), 200)
		return () => { clearTimeout(timer); abort.abort() }
	}, [q, orgID])

	/** @param {string} id */
	const chips = id => chosen.filter(c => {
		const places = appliesTo(c.api.level, c.ticks, x => tree.parent(x), c.installation)
		return places.org && id === orgID || places.accounts?.includes(id) || places.workspaces?.includes(id) || places.all_workspaces_of?.includes(id)
	}).map(c => html`<span key=${c.api.key} class=${broad(c.permissions) ? 'chip hot' : 'chip'}><b>${shortName(app, c.api.key)}</b> ${c.permissions.join(', ')}</span>`)

	/** @param {Tenant} account */
	const accountLine = account => {
		const ticked = ticks.accounts.includes(account.id)
		const some = ticks.workspaces.some(id => tree.parent(id) === account.id)
		const usable = levels.has('account') || levels.has('workspace')
		const marked = chips(account.id)
		return html`<label class=${usable ? '' : 'lock'}><input type="checkbox" checked=${ticked} indeterminate=${!ticked && some} disabled=${!usable}
				onChange=${() => onChange({...ticks, accounts: toggle(ticks.accounts, account.id)})}/><span class="grow">${account.name}</span>${
				ticked && levels.has('workspace') ? html`<small>every workspace, now and later</small>`
				: !ticked && some && marked.length ? html`<small>selected for you</small>` : null}${marked}</label>`
	}
	/** @param {Tenant} workspace */
	const workspaceLine = workspace => {
		const whole = ticks.accounts.includes(workspace.parent_id ?? ''), usable = levels.has('workspace')
		return html`<label class=${usable ? '' : 'lock'}><input type="checkbox" checked=${usable && (whole || ticks.workspaces.includes(workspace.id))} disabled=${!usable || whole}
				onChange=${() => onChange({...ticks, workspaces: toggle(ticks.workspaces, workspace.id)})}/><span class="grow">${workspace.name}</span>${chips(workspace.id)}</label>`
	}
	/** @param {Tenant} account */
	const branch = account => {
		const shown = accounts.length <= 8 || open.includes(account.id)
		return html`<li key=${account.id}><div class="line">${accounts.length > 8 && html`<button type="button" class=${shown ? 'ib open' : 'ib'} aria-expanded=${shown} aria-label=${`Workspaces of ${account.name}`}
				onClick=${() => { setOpen(toggle(open, account.id)); load(account.id) }}><${Icon} name="right"/></button>`}${accountLine(account)}</div>
			${shown && html`<ul>${tree.below(account.id).map(workspace => html`<li key=${workspace.id}>${workspaceLine(workspace)}</li>`)}
				${tree.below(account.id).length > 0 && tree.more(account.id) && html`<li><button type="button" class="btn sm quiet" onClick=${() => load(account.id)}>More workspaces</button></li>`}</ul>`}</li>`
	}
	const org = tree.nodes.get(orgID)
	return html`<div class="tree">
		${levels.has('installation') && !app.me.org_id && html`<label><input type="checkbox" checked=${chosen.some(c => c.installation)} onChange=${(/** @type {Event} */ e) => onInstallation(/** @type {HTMLInputElement} */ (e.target).checked)}/>
			<span class="grow">Whole installation</span><small>every organization</small></label>`}
		<label class="lock"><input type="checkbox" disabled checked=${levels.has('org') || levels.has('installation')}/><span class="grow">${org?.name ?? '…'}</span>
			${levels.has('org') || levels.has('installation') ? html`<small>selected for you</small>${chips(orgID)}` : html`<small>no selected API uses the organization</small>`}</label>
		${(accounts.length > 8 || tree.more(orgID)) && html`<div class="find"><${Icon} name="find"/><input type="search" placeholder="Account or workspace" aria-label="Search accounts and workspaces" value=${q}
			onInput=${onText(setQ)}/></div>`}
		<ul>${found ? found.map(tenant => html`<li key=${tenant.id}>${tenant.level === 'account' ? accountLine(tenant) : html`${workspaceLine(tenant)}<small>in ${tree.name(tenant.parent_id ?? '')}</small>`}</li>`) : accounts.map(branch)}
			${found?.length === 0 && html`<li><small>Nothing is called that.</small></li>`}
			${!found && accounts.length > 0 && tree.more(orgID) && html`<li><button type="button" class="btn sm quiet" onClick=${() => load(orgID)}>More accounts</button></li>`}</ul>
		${failed && html`<p class="err">${failed}</p>`}</div>`
}

/** placed counts what is ticked, in words. @param {Ticks} ticks @param {(id: string) => string} parentOf */
export const placed = (ticks, parentOf) => {
	const workspaces = ticks.workspaces.filter(id => !ticks.accounts.includes(parentOf(id)))
	const accounts = new Set(workspaces.map(parentOf))
	const parts = []
	if (ticks.accounts.length) parts.push(`${ticks.accounts.length} whole ${ticks.accounts.length === 1 ? 'account' : 'accounts'}`)
	if (workspaces.length) parts.push(`${workspaces.length} ${workspaces.length === 1 ? 'workspace' : 'workspaces'} in ${accounts.size} ${accounts.size === 1 ? 'account' : 'accounts'}`)
	return parts.join(', ')
}
