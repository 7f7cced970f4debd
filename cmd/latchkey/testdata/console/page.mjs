// A browser with the console in it, and what every story asks of a view: that axe finds nothing, that nothing scrolls
// sideways, and a picture, in both themes.
import {findings} from './axe.mjs'
import {chromium} from 'playwright-core'
import assert from 'node:assert/strict'
import {existsSync, mkdirSync} from 'node:fs'
import {issuer, password} from './server.mjs'

const shots = process.env.CONSOLE_SCREENSHOTS
if (shots) mkdirSync(shots, {recursive: true})

export const launch = () => chromium.launch({
	executablePath: ['/usr/bin/chromium', '/usr/bin/google-chrome', '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome'].find(existsSync),
	args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
})

/** open opens the console in a context of its own, and notes what should never happen there. */
export const open = async (browser, width, address = `${issuer}/console/`) => {
	const context = await browser.newContext({
		viewport: {width, height: width < 700 ? 844 : 900}, colorScheme: 'light', reducedMotion: 'reduce', acceptDownloads: true,
		permissions: ['clipboard-read', 'clipboard-write'],
	})
	context.setDefaultTimeout(30_000)
	const page = await context.newPage(), faults = []
	page.on('pageerror', error => faults.push(`${error.message}\n${error.stack}`))
	page.on('dialog', async dialog => {
		if (dialog.type() !== 'beforeunload') faults.push(`a dialog: ${dialog.message()}`)
		await dialog.accept()
	})
	page.on('console', message => { if (/Content Security Policy|TrustedHTML|Trusted Type/i.test(message.text())) faults.push(message.text()) })
	await page.goto(address)
	return {context, page, faults, width}
}

export const signIn = async ({page}, who) => {
	await page.getByLabel('E-mail').fill(who.email)
	await page.getByLabel('Password').fill(password)
	await page.getByRole('button', {name: 'Sign in'}).click()
	await page.locator('tbody .name').first().waitFor()
}

/** look holds a view to what all views must keep. */
export const look = async ({page, width}, name) => {
	for (const colorScheme of ['light', 'dark']) {
		await page.emulateMedia({colorScheme, reducedMotion: 'reduce'})
		await page.waitForTimeout(60)
		if (shots) await page.screenshot({path: `${shots}/${name}-${colorScheme}-${width}.png`})
		const found = await findings(page)
		assert.deepEqual(found, [], `${name}, ${colorScheme}, ${width}`)
		const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
		assert.ok(over <= 0, `${name} scrolls ${over} pixels sideways at ${width}`)
	}
	await page.emulateMedia({colorScheme: 'light', reducedMotion: 'reduce'})
}

/** clipboard answers what was copied. The console itself may not read it, and so another page does. */
export const clipboard = async ({context, page}) => {
	const other = await context.newPage()
	await other.goto(`${issuer}/.well-known/jwks.json`)
	const text = await other.evaluate(() => navigator.clipboard.readText())
	await other.close()
	await page.bringToFront()
	return text
}
