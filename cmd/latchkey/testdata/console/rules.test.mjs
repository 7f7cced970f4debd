// The rules of the console that need no browser.
import assert from 'node:assert/strict'
import {it} from 'node:test'
const from = name => import(`../../../../admin/console/static/${name}.js`)
const [words, formats, places, route, draft] = await Promise.all(['words', 'formats', 'places', 'route', 'draft'].map(from))

const now = Date.parse('2026-11-23T12:00:00Z')
const before = ms => new Date(now - ms).toISOString()
const minute = 60_000, hour = 60 * minute, day = 24 * hour

it('says how long ago', () => {
	for (const [at, want] of [
		[null, 'never'], [before(0), 'just now'], [before(-5000), 'just now'], [before(59_999), 'just now'], [before(minute), '1 min ago'],
		[before(hour), '1 h ago'], [before(day), 'yesterday'], [before(2 * day), '2 days ago'], [before(94 * day), '94 days ago'], [before(160 * day), '5 months ago'],
	]) assert.equal(words.ago(at, now), want)
	assert.deepEqual([1, hour, 30 * hour, 6.5 * day].map(words.span), ['1 min', '1 h', '30 h', '6 days'])
	assert.deepEqual([1, 90, 1800, 7200, 86400].map(words.seconds), ['1 second', '90 seconds', '30 minutes', '2 hours', '1 day'])
})

it('says how a secret is', () => {
	const credential = (...secrets) => ({auth_method: 'client_secret', secrets})
	const current = {status: 'current', created_at: before(41 * day), expires_at: null}
	for (const [value, text, tone] of [
		[credential(current), '41 days old', ''],
		[credential({...current, created_at: before(118 * day)}), '118 days old', 'warn'],
		[credential({...current, expires_at: before(-6.5 * day)}), 'Expires in 6 days', 'warn'],
		[credential(current, {status: 'previous', stops_at: before(-21 * hour)}), 'Rotating, 21 h left', 'rot'],
		[credential({status: 'stopped'}), 'Revoked', 'mute'],
		[credential({status: 'expired'}), 'Expired', 'mute'],
		[{auth_method: 'private_key_jwt', secrets: []}, 'Public key', 'mute'],
	]) assert.deepEqual(words.secretState(value, now), {text, tone})
})

it('draws no line where nothing was used', () => {
	assert.equal(words.spark(Array(14).fill(0)), null)
	assert.match(words.spark([0, 1, 2]).line, /^M1\.0 20\.0L39\.0 11\.5L77\.0 3\.0$/)
})

it('quotes what a shell would take apart', () => {
	const secret = {name: "Bob's worker; rm -rf /", tokenURL: 'https://a.example/oauth/token', clientID: 'cid_x', secret: "a'b$c"}
	assert.equal(formats.formats[0].write(secret), "TOKEN_URL=https://a.example/oauth/token\nCLIENT_ID=cid_x\nCLIENT_SECRET='a'\\''b$c'\n")
	assert.equal(JSON.parse(formats.formats[1].write(secret)).client_secret, "a'b$c")
	assert.match(formats.formats[2].write(secret), /-u 'cid_x:a'\\''b\$c'/)
	assert.match(formats.formats[3].write(secret), /name: bob-s-worker-rm-rf\n/)
	assert.equal(formats.slug('Ünïcode—☃'), 'unicode')
	assert.equal(formats.slug('☃'), 'credential')
	assert.ok(!formats.mask('lks_0123456789abcdef').includes('0123'))
})

it('reads one set of ticks at the level of each API, and back', () => {
	const parents = {a: 'E', b: 'E', c: 'U'}, parentOf = id => parents[id]
	const ticks = {accounts: ['U'], workspaces: ['a', 'c']}
	assert.deepEqual(places.appliesTo('workspace', ticks, parentOf), {workspaces: ['a'], all_workspaces_of: ['U']})
	assert.deepEqual(places.appliesTo('account', ticks, parentOf), {accounts: ['U', 'E']})
	assert.deepEqual(places.appliesTo('org', ticks, parentOf), {org: true})
	const grants = ['workspace', 'account', 'org'].map(level => ({level, places: places.appliesTo(level, ticks, parentOf)}))
	const back = places.common(grants, parentOf)
	for (const {level, places: was} of grants) assert.ok(places.samePlaces(places.appliesTo(level, back, parentOf), was))
	assert.equal(places.common([{level: 'workspace', places: {workspaces: ['a']}}, {level: 'workspace', places: {workspaces: ['b']}}], parentOf), null)
})

it('keeps filters and forgets dialogs on the way', () => {
	const here = route.parse('#/c/cid_1/secrets?status=active&rotate=cid_1')
	assert.deepEqual([here.id, here.tab, here.query.get('rotate')], ['cid_1', 'secrets', 'cid_1'])
	assert.equal(route.address(here, {tab: here.tab}), '#/c/cid_1/secrets?status=active')
	assert.equal(route.address(here, {id: '', set: {status: null}}), '#/')
	assert.equal(route.parse('#/c/%E0%A4%A/x').id, '%E0%A4%A')
	assert.equal(route.parse('#/nonsense').page, 'list')
})

const apis = [{key: 'profile', level: 'workspace', choice: 'one', permissions: [{key: 'read'}]}, {key: 'platform', level: 'account', choice: 'one', permissions: [{key: 'admin'}, {key: 'user'}]}]
const world = {apis, parentOf: id => ({a: 'E', b: 'E'})[id]}
const credential = {
	client_id: 'cid_1', org_id: 'o', name: 'N', note: '', owner: '', token_lifetime: 0, token_quota_per_hour: 0, token_quota_per_day: 0, dpop_required: false, allowed_cidrs: [],
	grants: [{api: 'profile', permissions: ['read'], applies_to: {workspaces: ['b', 'a']}}],
}

it('sends only what was changed', () => {
	const begun = draft.draftOf(credential, world)
	assert.deepEqual(draft.changed(begun, credential, world), {})
	assert.deepEqual(draft.changed({...begun, note: 'x'}, credential, world), {note: 'x'})
	const more = {...begun, grants: {...begun.grants, platform: ['user']}}
	assert.deepEqual(draft.changed(more, credential, world).grants, [credential.grants[0], {api: 'platform', permissions: ['user'], applies_to: {accounts: ['E']}}])
})

it('puts what was typed on top of what others did', () => {
	const begun = draft.draftOf(credential, world), theirs = {...credential, note: 'theirs', name: 'Theirs'}
	const mine = draft.rebased({...begun, name: 'Mine'}, credential, theirs, world)
	assert.deepEqual(draft.changed(mine, theirs, world), {name: 'Mine'})
})

it('keeps quotas and DPoP, and leaves what is no number for the server to refuse', () => {
	const bounded = {...credential, token_quota_per_hour: 100, dpop_required: true}, begun = draft.draftOf(bounded, world)
	assert.deepEqual(draft.changed(begun, bounded, world), {})
	assert.deepEqual(draft.changed({...begun, hourly: '', daily: ' 2000 '}, bounded, world), {token_quota_per_hour: 0, token_quota_per_day: 2000})
	assert.deepEqual(draft.changed({...begun, hourly: '1,000'}, bounded, world), {token_quota_per_hour: '1,000'})
	const {token_quota_per_hour, token_quota_per_day, dpop_required} = draft.created(begun, world, 0)
	assert.deepEqual([token_quota_per_hour, token_quota_per_day, dpop_required], [100, undefined, true])
	assert.deepEqual(draft.changed(draft.rebased({...begun, daily: '7'}, bounded, {...bounded, token_quota_per_hour: 5}, world), {...bounded, token_quota_per_hour: 5}, world), {token_quota_per_day: 7})
})

it('fills the form from a link, with what exists only', () => {
	const made = draft.prefilled(new URLSearchParams('name=X&allow=profile:read&allow=none:x,platform:root&in=a,E'), world, id => ({a: 'workspace', E: 'account'})[id] ?? '')
	assert.deepEqual([made.name, made.grants, made.places['*']], ['X', {profile: ['read'], platform: []}, {accounts: ['E'], workspaces: ['a']}])
})

it('puts errors to the fields', () => {
	const {fields, grants} = draft.errorsOf([{pointer: '/name', code: 'taken', detail: 'choose another name'}, {pointer: '/grants/1/applies_to', code: 'required', detail: 'say where'}], ['profile', 'platform'])
	assert.deepEqual([fields, grants], [{name: 'Choose another name.'}, {platform: {applies_to: 'Say where.'}}])
})
