import { join } from 'node:path'
import { expect, type ElectronApplication, type Locator, type Page } from '@playwright/test'
import { ROOT } from './electron'

const FOLDER = join(ROOT, 'artifacts', 'screenshots')
const SIZES = [
  [1280, 800],
  [2560, 1440],
] as const
const THEMES = ['light', 'dark'] as const

/** A picture as it stands, kept as an artifact to be looked at. Colours that are on their way to a new theme have arrived. */
export async function picture(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: join(FOLDER, `${name}.png`), animations: 'disabled' })
}

/**
 * Pictures of a page in a small and a large window, light and dark: `<name>-dark-1280x800.png`.
 *
 * @param seen what is scrolled into sight before each
 */
export async function inEveryLook(app: ElectronApplication, page: Page, name: string, seen?: Locator): Promise<void> {
  for (const [width, height] of SIZES) {
    await app.evaluate(({ BrowserWindow }, [w, h]) => BrowserWindow.getAllWindows()[0]?.setContentSize(w, h), [
      width,
      height,
    ] as const)
    await expect.poll(() => page.evaluate(() => [innerWidth, innerHeight])).toEqual([width, height])
    for (const theme of THEMES) {
      // A dialog may cover the switch.
      await page.evaluate(
        (to) => document.querySelector<HTMLInputElement>(`input[type=radio][value=${to}]`)?.click(),
        theme,
      )
      await seen?.scrollIntoViewIfNeeded()
      await picture(page, `${name}-${theme}-${width}x${height}`)
    }
  }
}
