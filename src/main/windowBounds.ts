import { readFileSync, writeFileSync } from 'node:fs'
import type { BrowserWindow, Rectangle } from 'electron'
import { z } from 'zod'

const boundsSchema = z.object({ x: z.int(), y: z.int(), width: z.int().positive(), height: z.int().positive() })
const stateSchema = z.object({ bounds: boundsSchema, maximized: z.boolean() })
export type WindowState = z.infer<typeof stateSchema>

export const MIN_SIZE = { width: 720, height: 480 }
const DEFAULT_SIZE = { width: 1280, height: 800 }
/** Of the title bar, so that a window can still be dragged back. */
const VISIBLE_PX = 64

/** Where to open the window: as it was left, unless no screen shows that place any more. */
export function openingBounds(state: WindowState | undefined, screens: readonly Rectangle[]): Partial<Rectangle> {
  if (state === undefined) return DEFAULT_SIZE
  const { x, y, width, height } = state.bounds
  const size = { width: Math.max(width, MIN_SIZE.width), height: Math.max(height, MIN_SIZE.height) }
  const reachable = screens.some(
    (screen) =>
      x + size.width >= screen.x + VISIBLE_PX &&
      x <= screen.x + screen.width - VISIBLE_PX &&
      y >= screen.y &&
      y <= screen.y + screen.height - VISIBLE_PX,
  )
  return reachable ? { x, y, ...size } : size
}

/** A missing or broken file is no reason to trouble anyone: the window opens as on the first day. */
export function readWindowState(file: string): WindowState | undefined {
  try {
    return stateSchema.parse(JSON.parse(readFileSync(file, 'utf8')))
  } catch {
    return undefined
  }
}

export function keepWindowState(window: BrowserWindow, file: string): void {
  window.on('close', () => {
    const state: WindowState = { bounds: window.getNormalBounds(), maximized: window.isMaximized() }
    try {
      writeFileSync(file, JSON.stringify(state))
    } catch {
      // A full disk must not keep the window from closing.
    }
  })
}
