// The small parts that every view is made of.
import {html, useEffect, useLayoutEffect, useRef, useState} from './vendor/preact.js'
import {Problem} from './api.js'
import {ago, count, exact} from './words.js'

const sprite = new URL('icons.svg', import.meta.url).href

/** @param {{name: string}} props */
export const Icon = ({name}) => html`<svg aria-hidden="true"><use href=${`${sprite}#${name}`}/></svg>`

/** Time is a time as one would say it; the exact one is a hover away. @param {{at: string | null | undefined, now: number, say?: string}} props */
export const Time = ({at, now, say}) => at ? html`<time datetime=${at} title=${exact(at)}>${say ?? ago(at, now)}</time>` : 'never'

/** useLoad loads something, and again whenever what it depends on changes. What was there stays until then.
 * @template T @param {(signal: AbortSignal) => Promise<T>} load @param {unknown[]} on
 * @returns {{data: T | undefined, problem: Problem | undefined, busy: boolean, reload: () => void, set: (data: T) => void}} */
export const useLoad = (load, on) => {
	const [state, setState] = useState(/** @type {{data?: T, problem?: Problem, busy: boolean}} */ ({busy: true}))
	const [turn, setTurn] = useState(0)
	useEffect(() => {
		const abort = new AbortController()
		setState(last => ({...last, busy: true}))
		load(abort.signal).then(
			data => { if (!abort.signal.aborted) setState({data, busy: false}) },
			problem => { if (!abort.signal.aborted) setState(last => ({data: last.data, problem: asProblem(problem), busy: false})) },
		)
		return () => abort.abort()
	}, [...on, turn])
	return {
		data: state.data, problem: state.problem, busy: state.busy,
		reload: () => setTurn(n => n + 1), set: data => setState({data, busy: false}),
	}
}

/** usePages loads a list page by page. What was there stays until there is something new.
 * @template T @param {(cursor: string | undefined, signal?: AbortSignal) => Promise<{data: T[], next_cursor: string | null}>} load @param {unknown[]} on */
export const usePages = (load, on) => {
	const {data, problem, busy, reload, set} = useLoad(signal => load(undefined, signal), on)
	const [failed, setFailed] = useState(/** @type {Problem | undefined} */ (undefined))
	const more = async () => {
		try {
			const page = await load(data?.next_cursor ?? undefined)
			set({data: [...data?.data ?? [], ...page.data], next_cursor: page.next_cursor})
			setFailed(undefined)
		} catch (error) {
			setFailed(asProblem(error))
		}
	}
	const none = /** @type {T[]} */ (useRef([]).current)
	return {rows: data?.data ?? none, next: data?.next_cursor ?? null, loaded: data !== undefined, problem, failed, busy, reload, more}
}

/** Pages is such a list: what went wrong, the rows, and what lies beyond them.
 * @param {{of: ReturnType<typeof usePages>, noun: string, none: unknown, keys?: unknown, children?: unknown}} props */
export const Pages = ({of: {rows, next, loaded, problem, failed, busy, reload, more}, noun, none, keys, children}) => html`
	${problem && html`<${Failure} problem=${problem} retry=${reload}/>`}
	${loaded && (rows.length === 0 ? !problem && html`<div class="card nomatch">${none}</div>`
	: html`<div class=${busy ? 'card busy' : 'card'} aria-busy=${busy}>${children}</div>
		<div class="foot"><span>${count(rows.length, noun)}${next ? ', and more' : ''}</span>${keys}${next && html`<button class="btn sm" onClick=${more}>Load more</button>`}</div>
		${failed && html`<${Failure} problem=${failed}/>`}`)}`

/** onText hands on what was entered or chosen. @param {(value: string) => void} set */
export const onText = set => (/** @type {Event} */ event) => set(/** @type {HTMLInputElement} */ (event.target).value)

/** asProblem lets a fault of the console itself be shown like any other, and be found in the browser's own console.
 * @param {unknown} error */
export const asProblem = error => {
	if (error instanceof Problem) return error
	console.error(error)
	return new Problem(0, {detail: 'The console failed. Reload the page.'})
}

/** useCountdown counts seconds down to 0. @param {number} from @param {unknown} on what starts it anew */
export const useCountdown = (from, on) => {
	const [left, setLeft] = useState(from)
	useEffect(() => setLeft(from), [on])
	useEffect(() => {
		if (left <= 0) return
		const timer = setTimeout(() => setLeft(left - 1), 1000)
		return () => clearTimeout(timer)
	}, [left])
	return left
}

/** Failure tells what went wrong, with the id that finds it in the server's log.
 * @param {{problem: Problem, retry?: () => void}} props */
export const Failure = ({problem, retry}) => {
	const left = useCountdown(problem.retryAfter, problem)
	return html`<div class="note bad" role="alert"><${Icon} name="warn"/><span>${problem.message}
		${problem.requestID && html`<small class="id">Request ${problem.requestID}</small>`}</span>
		${retry && html`<button class="btn sm" disabled=${left > 0} onClick=${retry}>${left > 0 ? `Retry in ${left} s` : 'Retry'}</button>`}</div>`
}

/** ErrorText is what is wrong at a field. @param {{id?: string, text?: string}} props */
export const ErrorText = ({id, text}) => text ? html`<p class="err" id=${id}><${Icon} name="warn"/><span>${text}</span></p>` : null

/** Copy copies a text and says that it did. Where the browser has no clipboard, because the page did not come by HTTPS,
 * onBlocked shows the text instead. @param {{text: string, label?: string, name?: string, icon?: boolean, autofocus?: boolean, onBlocked?: () => void}} props */
export const Copy = ({text, label = 'Copy', name, icon, autofocus, onBlocked}) => {
	const [state, setState] = useState('')
	useEffect(() => {
		if (!state) return
		const timer = setTimeout(() => setState(''), 4000)
		return () => clearTimeout(timer)
	}, [state])
	const copy = async () => {
		try {
			await navigator.clipboard.writeText(text)
			setState('Copied')
		} catch {
			onBlocked?.()
			setState('Not copied')
		}
	}
	return html`<button type="button" class=${icon ? 'ib' : 'btn sm'} autofocus=${autofocus} onClick=${copy} aria-label=${name}>
		<${Icon} name=${state === 'Copied' ? 'check' : 'copy'}/>${!icon && (state || label)}</button>
		<span class="vh" role="status">${state && `${name ?? label}: ${state}`}</span>`
}

/** Switch is a credential's status: a switch for those who may use it, a word for the others.
 * @param {{name: string, on: boolean, can: boolean, onToggle: () => void}} props */
export const Switch = ({name, on, can, onToggle}) => can
	? html`<label class="sw"><input type="checkbox" role="switch" checked=${on} aria-label=${`${name} active`}
		onClick=${(/** @type {Event} */ event) => { event.preventDefault(); onToggle() }}/><i></i><span>${on ? 'Active' : 'Inactive'}</span></label>`
	: html`<span class=${on ? 'dot on' : 'dot'}>${on ? 'Active' : 'Inactive'}</span>`

/** Dialog is open for as long as it is rendered. The focus goes to what has autofocus, and back when it closes. A locked
 * one does not close by Esc: not by closedby alone, which some browsers do not know, nor by cancelling the event alone,
 * which Chromium ignores the second time.
 * @param {{title: unknown, hint?: unknown, kind?: string, locked?: boolean, onClose: () => void, children?: unknown}} props */
export const Dialog = ({title, hint, kind = '', locked = false, onClose, children}) => {
	const ref = useRef(/** @type {HTMLDialogElement | null} */ (null))
	useLayoutEffect(() => {
		const dialog = /** @type {HTMLDialogElement} */ (ref.current)
		const opener = /** @type {HTMLElement | null} */ (document.activeElement)
		dialog.showModal()
		return () => {
			dialog.close()
			if (opener?.isConnected) opener.focus()
		}
	}, [])
	const heading = `title-${kind || 'dialog'}`
	return html`<dialog ref=${ref} class=${kind} closedby=${locked ? 'none' : undefined} aria-labelledby=${heading}
		onCancel=${(/** @type {Event} */ e) => { if (e.target !== ref.current) return; e.preventDefault(); if (!locked) onClose() }}
		onKeyDown=${(/** @type {KeyboardEvent} */ e) => { if (e.key === 'Escape') { e.preventDefault(); e.stopPropagation(); if (!locked) onClose() } }}>
		<div class="dh"><div><h2 id=${heading}>${title}</h2>${hint && html`<p>${hint}</p>`}</div>
			${!locked && html`<button type="button" class="ib" aria-label="Close" onClick=${onClose}><${Icon} name="x"/></button>`}</div>
		${children}
	</dialog>`
}

/** Choice is one of few, in a row.
 * @param {{name: string, label: string, value: string, options: {value: string, label: unknown}[], onChange: (value: string) => void}} props */
export const Choice = ({name, label, value, options, onChange}) => html`<div class="seg" role="radiogroup" aria-label=${label}>
	${options.map(option => html`<label key=${option.value}><input type="radio" name=${name} value=${option.value} checked=${option.value === value}
		onChange=${() => onChange(option.value)}/>${option.label}</label>`)}</div>`

/** focusFirstError brings the first field that is wrong into view. @param {HTMLElement | null} form */
export const focusFirstError = form => {
	const wrong = /** @type {HTMLElement | null | undefined} */ (form?.querySelector('[aria-invalid=true]:not(fieldset), [aria-invalid=true] input'))
	wrong?.focus()
}

/** save lets the browser keep a text as a file. @param {BlobPart} text @param {string} name @param {string} [type] */
export const save = (text, name, type = 'text/plain') => {
	const url = URL.createObjectURL(new Blob([text], {type}))
	const link = document.createElement('a')
	link.href = url
	link.download = name
	link.click()
	setTimeout(() => URL.revokeObjectURL(url))
}
