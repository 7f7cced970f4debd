// A form of a few fields, for what is done by entering and sending. What is wrong stands at its field, where it has one.
import {html, useEffect, useRef, useState} from './vendor/preact.js'
import {sentence} from './api.js'
import {ErrorText, Failure, asProblem, focusFirstError} from './ui.js'

/** @typedef {import('./api.js').Problem} Problem */
/** @typedef {{name: string, label: string, hint?: string, [attribute: string]: unknown}} FormField */

/** Form sends what was entered by act, which throws if that fails.
 * @param {{fields: FormField[], label: string, danger?: boolean, act: (entered: Entered) => Promise<void>, children?: unknown}} props */
export const Form = ({fields, label, danger, act, children}) => {
	const form = useRef(/** @type {HTMLFormElement | null} */ (null))
	const [problem, setProblem] = useState(/** @type {Problem | undefined} */ (undefined))
	const [busy, setBusy] = useState(false)
	useEffect(() => /** @type {HTMLElement | null | undefined} */ (form.current?.querySelector('input:not([readonly])'))?.focus(), [])
	const submit = async (/** @type {SubmitEvent} */ event) => {
		event.preventDefault()
		const entered = /** @type {Entered} */ (Object.fromEntries(new FormData(/** @type {HTMLFormElement} */ (form.current))))
		setBusy(true)
		try {
			await act(entered)
		} catch (error) {
			const problem = asProblem(error)
			if (problem.errors.length) problem.message = sentence(problem.errors[0].detail)
			setProblem(problem)
			setBusy(false)
			requestAnimationFrame(() => focusFirstError(form.current))
		}
	}
	const at = (/** @type {string} */ name) => problem?.at(`/${name}`)
	return html`<form ref=${form} onSubmit=${submit}>
		${problem && !fields.some(({name}) => at(name)) && html`<${Failure} problem=${problem}/>`}${children}
		${fields.map(({name, label, hint, ...attributes}) => html`<div class="field" key=${name}><label for=${name}>${label}</label>
			<input id=${name} name=${name} required maxlength="256" ...${attributes} aria-invalid=${Boolean(at(name))} aria-describedby=${`${name}-more`}/>
			<div id=${`${name}-more`}>${hint && html`<small>${hint}</small>`}<${ErrorText} text=${at(name)}/></div></div>`)}
		<button class=${danger ? 'btn danger' : 'btn primary'} disabled=${busy}>${label}</button></form>`
}
