import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Page } from '@playwright/test'

const source = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** What axe finds serious on a page: the rule, and where. */
export async function seriousFindings(page: Page): Promise<string[]> {
  await page.evaluate(source)
  const violations: unknown = await page.evaluate(
    'axe.run(document, { resultTypes: ["violations"] }).then((r) => r.violations)',
  )
  if (!Array.isArray(violations)) return ['axe gave no answer']
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map((node: { html: string }) => `${id}: ${node.html.slice(0, 200)}`))
}
