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

/** The colours along the four edges of an element as it is drawn, each told once. */
export async function edgeColours(page: Page, element: Locator): Promise<string[]> {
  const box = await element.boundingBox()
  if (!box) throw new Error('It is not drawn')
  // Whole pixels of its own: a picture of parts of pixels is drawn at another scale.
  const [x, y] = [Math.ceil(box.x), Math.ceil(box.y)]
  const clip = { x, y, width: Math.floor(box.x + box.width) - x, height: Math.floor(box.y + box.height) - y }
  const png = await page.screenshot({ clip, animations: 'disabled', scale: 'css' })
  return page.evaluate(
    async (bytes) => {
      const bitmap = await createImageBitmap(new Blob([Uint8Array.from(bytes)]))
      const { width, height } = bitmap
      const context = new OffscreenCanvas(width, height).getContext('2d')
      context?.drawImage(bitmap, 0, 0)
      const seen = new Set<string>()
      for (const [x, y, w, h] of [
        [0, 0, width, 1],
        [0, height - 1, width, 1],
        [0, 0, 1, height],
        [width - 1, 0, 1, height],
      ] as const) {
        const { data } = context?.getImageData(x, y, w, h) ?? { data: [] }
        for (let at = 0; at < data.length; at += 4) seen.add([...data.slice(at, at + 3)].join())
      }
      return [...seen]
    },
    [...png],
  )
}
