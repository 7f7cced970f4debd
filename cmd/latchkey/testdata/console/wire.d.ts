// The names that the console's modules use for what is on the wire, all taken from openapi.yaml by way of schema.d.ts,
// which openapi-typescript makes. `tsc --checkJs` then holds every request of the console against the document.
import type {components, paths} from './schema'

type Schemas = components['schemas']
type Json<T> = T extends {content: infer C} ? C extends {'application/json': infer J} ? J : C extends {'application/merge-patch+json': infer J} ? J : undefined : undefined
type Success<R> = {[S in keyof R]: S extends 200 | 201 | 202 | 204 ? Json<R[S]> : never}[keyof R]
type Operation<P extends keyof paths, M> = M extends keyof paths[P] ? paths[P][M] : never
type ParametersOf<O> = O extends {parameters: infer P} ? P : {}
type PathParameters<P extends keyof paths, M> = (ParametersOf<Operation<P, M>> & (paths[P] extends {parameters: infer S} ? S : {})) extends {path: infer X} ? X : undefined
type QueryOf<P extends keyof paths, M> = ParametersOf<Operation<P, M>> extends {query?: infer Q} ? Q : undefined
type HeadersOf<P extends keyof paths, M> = ParametersOf<Operation<P, M>> extends {header?: infer H} ? H : undefined
type BodyOf<O> = O extends {requestBody?: infer B} ? Json<NonNullable<B>> : undefined

interface Options<P extends keyof paths, M> {
	params?: PathParameters<P, M>
	query?: QueryOf<P, M>
	headers?: HeadersOf<P, M>
	body?: BodyOf<Operation<P, M>>
	signal?: AbortSignal
}

declare global {
	type Call = <P extends keyof paths & string, M extends 'get' | 'post' | 'put' | 'patch' | 'delete'>(method: M, path: P, options?: Options<P, M>) =>
		Promise<{data: Success<Operation<P, M> extends {responses: infer R} ? R : never>, etag: string, requestID: string}>
	interface LooseOptions {
		params?: Record<string, string>, query?: Record<string, unknown>, headers?: Record<string, string>, body?: unknown, signal?: AbortSignal
	}

	type API = Schemas['API']
	type Attention = Schemas['Attention']
	type AuditEvent = Schemas['Event']
	type APICredential = Schemas['Credential']
	type CredentialChange = Schemas['CredentialChange']
	type Grant = Schemas['Grant']
	type Me = Schemas['Me']
	type NewCredential = Schemas['NewCredential']
	type NewGrant = Schemas['NewGrant']
	type Preview = Schemas['Preview']
	type ProblemDocument = Schemas['Problem']
	type Refusal = Schemas['UsageReport']['refusals'][number]
	type SigningKey = Schemas['SigningKey']
	type Sort = NonNullable<NonNullable<paths['/admin/v1/credentials']['get']['parameters']['query']>['sort']>
	type Tenant = Schemas['Tenant']

	/** What was entered into a form, by the names of its fields. */
	type Entered = Record<string, string | undefined>

	/** A secret on its one way to the eye. */
	interface NewSecret {clientID: string, name: string, secret: string, rotated: boolean}

	interface Message {text: string, buttons?: {label: string, run: () => void}[], stays?: boolean}

	/** What every view is given. */
	interface App {
		me: Me
		route: import('../../../../admin/console/static/route.js').Route
		/** It counts what has been changed from here, so that what is shown is loaded again. */
		version: number
		now: number
		apis: API[]
		tree: import('../../../../admin/console/static/tree.js').Tree
		/** The organization that is looked at; '' for all. */
		orgID: string
		org: Tenant | undefined
		orgs: Tenant[]
		/** The URL of the token endpoint. */
		endpoint: string
		people: Map<string, string>
		/** Whether a panel takes the place of the list. */
		narrow: boolean
		/** Whether single keys are shortcuts. */
		keys: boolean
		may(permission: string): boolean
		api(key: string): API | undefined
		person(id: string): string
		link(change?: {page?: string, id?: string, tab?: string, set?: Record<string, string | null>}): string
		go(to: string, replace?: boolean): void
		keepRows(rows: APICredential[]): void
		rows(): APICredential[]
		latest(credential: APICredential): APICredential
		changed(credential: APICredential): void
		reload(): void
		toggle(credential: APICredential): void
		tell(message: Message): void
		showSecret(made: NewSecret): void
		/** While somebody holds it, the page is not left; the holder is told of the attempt. */
		hold(onLeave: (() => void) | null): void
	}
}
