// The management API as the console asks it. Routes, parameters and bodies are checked against openapi.yaml by tsc.

/** issuer is the URL below which everything is served, with a slash at its end. The page is at console/. */
export const issuer = new URL('../', document.baseURI)

/** Problem is an answer that is no success (RFC 9457), or none at all: then the status is 0. */
export class Problem extends Error {
	/** @param {number} status @param {Partial<ProblemDocument>} body @param {Headers} [headers] */
	constructor(status, body, headers) {
		super(body.detail || body.title || (status === 0 ? 'The server cannot be reached.' : `The server answered ${status}.`))
		this.status = status
		this.type = body.type?.split('/').pop() ?? ''
		this.errors = body.errors ?? []
		this.requestID = body.request_id ?? headers?.get('X-Request-Id') ?? ''
		this.retryAfter = Number(headers?.get('Retry-After')) || 0
	}

	/** at answers what is wrong at a JSON pointer, or below it. @param {string} pointer */
	at(pointer) {
		const found = this.errors.find(e => e.pointer === pointer || e.pointer.startsWith(pointer + '/'))
		return found && sentence(found.detail)
	}
}

/** @param {string} text */
export const sentence = text => text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? '' : '.')

/** signIn is what to do when nobody is signed in, or not any more. It is done when somebody is. */
let signIn = () => /** @type {Promise<void>} */ (Promise.reject(new Problem(401, {})))

/** @param {() => Promise<void>} ask */
export const whenSignedOut = ask => { signIn = ask }

/** call asks the management API. If the session has ended, it waits until somebody has signed in and asks again, so that
 * nothing typed is lost. @type {Call} */
export const call = async (method, path, options = {}) => {
	try {
		return await once(method, path, options)
	} catch (problem) {
		if (!(problem instanceof Problem) || problem.status !== 401 || path === '/admin/v1/session') throw problem
		await signIn()
		return once(method, path, options)
	}
}

/** @type {Call} */
const once = async (method, path, options = {}) => {
	const {params = {}, query = {}, body, headers = {}, signal} = /** @type {LooseOptions} */ (options)
	const filled = path.slice(1).replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(params[name]))
	const url = new URL(filled, issuer)
	for (const [name, value] of Object.entries(query)) {
		if (value !== undefined && value !== '') url.searchParams.set(name, String(value))
	}
	/** @type {Record<string, string>} */
	const sent = {Accept: 'application/json', ...headers}
	if (body !== undefined) sent['Content-Type'] = method === 'patch' ? 'application/merge-patch+json' : 'application/json'
	const response = await reach(url, {method: method.toUpperCase(), headers: sent, body: body === undefined ? undefined : JSON.stringify(body), signal})
	const data = response.status === 204 ? undefined : await response.json().catch(() => undefined)
	if (!response.ok) throw new Problem(response.status, data ?? {}, response.headers)
	return /** @type {any} */ ({data, etag: response.headers.get('ETag') ?? '', requestID: response.headers.get('X-Request-Id') ?? ''})
}

/** reach is fetch, whose failure is a Problem too. @param {URL} url @param {RequestInit} init */
const reach = async (url, init) => {
	try {
		return await fetch(url, {credentials: 'same-origin', cache: 'no-store', redirect: 'error', ...init})
	} catch (error) {
		if (init.signal?.aborted) throw error
		throw new Problem(0, {})
	}
}

/** token asks for a token as the credential itself would. Nothing of the browser's session goes along.
 * @param {{clientID: string, secret: string, scope?: string}} request
 * @returns {Promise<{access_token: string, expires_in: number, scope: string}>} */
export const token = async ({clientID, secret, scope}) => {
	const form = new URLSearchParams({grant_type: 'client_credentials', client_id: clientID, client_secret: secret})
	if (scope) form.set('scope', scope)
	const response = await reach(new URL('oauth/token', issuer), {method: 'POST', body: form, credentials: 'omit'})
	const data = await response.json().catch(() => ({}))
	if (!response.ok) throw new Problem(response.status, {title: data.error, detail: data.error_description ?? data.error}, response.headers)
	return data
}

/** lines exports events as JSON lines. @param {string} path below the issuer @param {Record<string, string>} query */
export const lines = async (path, query) => {
	const url = new URL(path, issuer)
	for (const [name, value] of Object.entries(query)) if (value) url.searchParams.set(name, value)
	const response = await reach(url, {headers: {Accept: 'application/jsonl'}})
	if (!response.ok) throw new Problem(response.status, await response.json().catch(() => ({})), response.headers)
	return response.blob()
}

/** retryKey makes an Idempotency-Key: 128 random bits. One is kept for as long as the same thing is meant. */
export const retryKey = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), b => b.toString(16).padStart(2, '0')).join('')
