// The tree of organizations, accounts and workspaces, as far as it has been asked for.
import {call} from './api.js'

const atOnce = 6

export class Tree {
	/** @param {() => void} changed is called whenever something has arrived */
	constructor(changed) {
		this.changed = changed
		/** @type {Map<string, Tenant>} */
		this.nodes = new Map()
		/** @type {Map<string, {ids: string[], next: string | null}>} */
		this.children = new Map()
		/** @type {Map<string, Promise<void>>} */
		this.asked = new Map()
		/** first is the loading that may make asking for single ones needless. @type {Promise<unknown>} */
		this.first = Promise.resolve()
	}

	/** name answers the name of a tenant; of one that is out of reach, its id. @param {string} id */
	name(id) { return this.nodes.get(id)?.name ?? (this.asked.has(id) || !id ? '…' : id) }

	/** @param {string} id */
	parent(id) { return this.nodes.get(id)?.parent_id ?? '' }

	/** below answers the loaded children; '' has the organizations. @param {string} id */
	below(id) { return (this.children.get(id)?.ids ?? []).flatMap(child => this.nodes.get(child) ?? []) }

	/** more says whether there are children that have not been loaded. @param {string} id */
	more(id) { return this.children.get(id)?.next !== null }

	/** load loads the next page of children, unless all are there. @param {string} parent */
	async load(parent) {
		const known = this.children.get(parent)
		if (known?.next === null) return
		const {data} = await call('get', '/admin/v1/tenants', {query: {parent: parent || undefined, limit: 100, cursor: known?.next ?? undefined}})
		this.keep(data.data)
		this.children.set(parent, {ids: [...known?.ids ?? [], ...data.data.map(t => t.id)], next: data.next_cursor})
		this.changed()
	}

	/** search answers tenants of an organization by name or id. @param {string} q @param {string} orgID @param {AbortSignal} signal */
	async search(q, orgID, signal) {
		const {data} = await call('get', '/admin/v1/tenants', {query: {q, limit: 50}, signal})
		const found = data.data.filter(t => t.org_id === orgID && t.level !== 'org')
		this.keep(found)
		await this.ensure(found.flatMap(t => t.parent_id ?? []))
		return found
	}

	/** ensure loads the tenants with these ids, and their accounts, where they are not known yet. @param {string[]} ids */
	async ensure(ids) {
		await this.first
		const missing = [...new Set(ids)].filter(id => id && !this.nodes.has(id))
		for (let i = 0; i < missing.length; i += atOnce) await Promise.all(missing.slice(i, i + atOnce).map(id => this.ask(id)))
		if (missing.length) this.changed()
		const parents = [...new Set(ids.map(id => this.parent(id)))].filter(id => id && !this.nodes.has(id))
		if (parents.length) await this.ensure(parents)
	}

	/** ask loads one. Who is out of reach stays unknown, and is called by the id. @param {string} id */
	ask(id) {
		const running = this.asked.get(id)
		if (running) return running
		const asking = call('get', '/admin/v1/tenants/{id}', {params: {id}})
			.then(({data}) => this.keep([data]), () => {})
			.finally(() => this.asked.delete(id))
		this.asked.set(id, asking)
		return asking
	}

	/** @param {Tenant[]} tenants */
	keep(tenants) { for (const t of tenants) this.nodes.set(t.id, t) }
}
