// axe-core, put into the page by way of the debugger: the policy of the page forbids scripts that are not its own.
import {readFileSync} from 'node:fs'

const source = readFileSync(new URL('node_modules/axe-core/axe.min.js', import.meta.url), 'utf8')

/** findings answers what axe finds in the page, in a line each. */
export const findings = async page => {
	await page.evaluate(source)
	const {violations} = await page.evaluate(() => window.axe.run(document, {
		resultTypes: ['violations'],
		runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
	}))
	return violations.map(v => `${v.id}: ${v.help}: ${v.nodes.slice(0, 3).map(n => `${n.target} ${n.any[0]?.message ?? ''}`).join(' | ')}`)
}
