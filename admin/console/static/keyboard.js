// Single keys, outside of fields and dialogs only, and switchable off (WCAG 2.1.4).
import {html, useEffect, useState} from './vendor/preact.js'
import {Dialog} from './ui.js'

const sheet = [
	['/', 'search'], ['N', 'new credential'], ['J', 'next credential'], ['K', 'previous credential'], ['Enter', 'open it'],
	['A', 'activate or deactivate it'], ['R', 'rotate its secret'], ['E', 'edit it'], ['Esc', 'close the panel or a dialog'], ['?', 'this sheet'],
]

/** useKeys listens. What a key is about is the row that holds the focus, or else the one whose panel is open.
 * @param {App} app @param {{open: () => void}} to */
export const useKeys = (app, {open}) => {
	useEffect(() => {
		const pressed = (/** @type {KeyboardEvent} */ event) => {
			const target = /** @type {Element} */ (event.target)
			if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return
			if (document.querySelector('dialog[open]')) return
			if (event.key === 'Escape' && app.route.id) { leave(app); return }
			if (!app.keys || target.closest('input:not([type=checkbox], [type=radio]), select, textarea')) return
			const act = keys(app, open)[event.key.toLowerCase()]
			if (!act) return
			event.preventDefault()
			act()
		}
		addEventListener('keydown', pressed)
		return () => removeEventListener('keydown', pressed)
	})
}

/** leave closes the panel; the focus goes to its row. @param {App} app */
export const leave = app => {
	const {id} = app.route
	app.go(app.link({id: ''}))
	requestAnimationFrame(() => requestAnimationFrame(() => focusRow(id)))
}

/** @param {string} id */
export const focusRow = id => {
	const link = /** @type {HTMLElement | null} */ (document.querySelector(`tr[data-id="${CSS.escape(id)}"] .name`))
	link?.focus()
}

/** @param {App} app @param {() => void} open @returns {Record<string, (() => void) | undefined>} */
const keys = (app, open) => {
	const focused = document.activeElement?.closest('tr')?.dataset.id ?? app.route.id
	const credential = app.rows().find(c => c.client_id === focused)
	const may = app.may('credentials:write')
	/** @param {number} step */
	const move = step => {
		const links = /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('tbody .name'))
		const at = [...links].findIndex(link => link.closest('tr')?.dataset.id === focused)
		const next = links[Math.min(links.length - 1, Math.max(0, at + step))]
		next?.focus()
		next?.scrollIntoView({block: 'nearest'})
	}
	/** @param {'edit' | 'rotate'} act */
	const dialog = act => focused && may ? () => app.go(app.link({tab: app.route.tab, set: {[act]: focused}})) : undefined
	return {
		'/': () => document.getElementById('search')?.focus(),
		'?': open,
		n: may ? () => app.go('#/new') : undefined,
		j: () => move(1),
		k: () => move(-1),
		a: credential && may ? () => app.toggle(app.latest(credential)) : undefined,
		e: dialog('edit'),
		r: dialog('rotate'),
	}
}

/** @param {{onClose: () => void, onChange: () => void}} props */
export const KeySheet = ({onClose, onChange}) => {
	const [on, setOn] = useState(localStorage.getItem('keys') !== 'off')
	const set = () => {
		localStorage.setItem('keys', on ? 'off' : 'on')
		setOn(!on)
		onChange()
	}
	return html`<${Dialog} title="Keyboard shortcuts" kind="sheet" onClose=${onClose}><div class="db">
		<dl>${sheet.map(([key, text]) => html`<dt key=${key}><kbd>${key}</kbd></dt><dd>${text}</dd>`)}</dl>
		<label class="ack"><input type="checkbox" checked=${on} onChange=${set} autofocus/><span>Single keys are shortcuts, outside of fields</span></label></div></${Dialog}>`
}
