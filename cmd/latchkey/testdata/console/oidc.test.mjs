// People sign in at a real provider, on its own page, and come back to the console.
import assert from 'node:assert/strict'
import {after, before, it} from 'node:test'
import {launch, look, open} from './page.mjs'
import {issuer} from './server.mjs'

let browser
before(async () => { browser = await launch() })
after(() => browser?.close())

/** come signs in at the provider, and agrees there to what Latchkey asks for. */
const come = async (page, name) => {
	await page.getByRole('link', {name: 'Sign in with People'}).click()
	await page.locator('input[name=login]').fill(name)
	await page.locator('input[name=password]').fill('any')
	await page.getByRole('button', {name: 'Sign-in'}).click()
	await page.getByRole('button', {name: 'Continue'}).click()
}

it('lets in whom a rule fits, with the role of the rule', async () => {
	const here = await open(browser, 1360), {page, context} = here
	await page.getByRole('link', {name: 'Sign in with People'}).waitFor()
	await look(here, 'sign-in-elsewhere')
	await come(page, 'ada')
	await page.getByRole('link', {name: 'New credential'}).waitFor()
	assert.equal(page.url(), `${issuer}/console/`)
	await page.getByText('Admin', {exact: true}).waitFor()
	await page.getByText('<b>ada</b>', {exact: true}).waitFor() // A name is text.
	const cookies = (await context.cookies(issuer)).filter(c => c.name.startsWith('latchkey'))
	assert.deepEqual(cookies.map(c => [c.name, c.httpOnly, c.sameSite]), [['latchkey', true, 'Strict']])
	await page.getByRole('button', {name: 'Sign out'}).click()
	await page.getByLabel('E-mail').waitFor()
	assert.deepEqual(here.faults, [])
	await context.close()
})

it('tells whom no rule fits', async () => {
	const {page, context} = await open(browser, 390)
	await come(page, 'eve')
	await page.getByText('have no role here').waitFor()
	assert.equal((await page.request.get(`${issuer}/admin/v1/me`)).status(), 401)
	await context.close()
})
