import { describe, expect, it, vi } from 'vitest'
import { isAppUrl } from './appUrl'
import { folderArgument } from './arguments'
import { isTrustedSender } from './ipc'
import { isGranted, isRequestAllowed, WEB_PREFERENCES } from './security'
import { openingBounds } from './windowBounds'

vi.mock('electron', () => ({ ipcMain: {} }))

const HOSTILE = [
  'app://elsewhere/',
  'app://workbench.evil/',
  'app://workbench:80/',
  'app://user@workbench/',
  'app:workbench',
  'https://workbench/',
  'file:///etc/passwd',
  'data:text/html,x',
  'about:blank',
  'javascript:1',
  'app',
  '',
]

it.each(HOSTILE)('does not take %j for its own page', (url) => {
  expect(isAppUrl(url)).toBe(false)
  expect(isRequestAllowed(url)).toBe(false)
})

it('knows its own page', () => {
  expect(isAppUrl('app://workbench/index.html?x#y')).toBe(true)
})

it('grants the clipboard for writing to its own page and nothing else to anyone', () => {
  expect(isGranted('clipboard-sanitized-write', 'app://workbench/')).toBe(true)
  expect(isGranted('clipboard-sanitized-write', 'https://evil.example/')).toBe(false)
  for (const permission of [
    'clipboard-read',
    'media',
    'geolocation',
    'notifications',
    'openExternal',
    'fileSystem',
    'usb',
  ]) {
    expect(isGranted(permission, 'app://workbench/')).toBe(false)
  }
})

it('keeps the page in its sandbox', () => {
  expect(WEB_PREFERENCES).toMatchObject({
    contextIsolation: true,
    sandbox: true,
    nodeIntegration: false,
    webSecurity: true,
  })
})

describe('a request is taken', () => {
  const frame = { url: 'app://workbench/', parent: null }
  it('from the top frame of the window', () => expect(isTrustedSender(frame, { id: 1 }, { id: 1 })).toBe(true))
  it('not from another window', () => expect(isTrustedSender(frame, { id: 2 }, { id: 1 })).toBe(false))
  it('not from a frame that has gone', () => expect(isTrustedSender(null, { id: 1 }, { id: 1 })).toBe(false))
  it('not without a window', () => expect(isTrustedSender(frame, { id: 1 }, undefined)).toBe(false))
  it.each(HOSTILE)('not from %j', (url) =>
    expect(isTrustedSender({ url, parent: null }, { id: 1 }, { id: 1 })).toBe(false),
  )
})

it('finds the log folder among the arguments of debuggers and Chromium', () => {
  const argv = ['electron', '--inspect=0', '--remote-debugging-port=0', '.', '--log_dir', 'logs', '--no-sandbox']
  expect(folderArgument('--log_dir', argv, '/work')).toBe('/work/logs')
  expect(folderArgument('--log_dir', ['electron', '.', '--log_dir=/abs'], '/work')).toBe('/abs')
  expect(folderArgument('--log_dir', ['electron', '.', '--log_dir='], '/work')).toBeUndefined()
  expect(folderArgument('--log_dir', ['electron', '.', '--log_dir'], '/work')).toBeUndefined()
  expect(folderArgument('--log_dir', ['electron', '.'], '/work')).toBeUndefined()
})

describe('the window opens', () => {
  const screens = [{ x: 0, y: 0, width: 1920, height: 1080 }]
  const at = (x: number, y: number) => ({ bounds: { x, y, width: 1000, height: 700 }, maximized: false })
  it('where it was left', () =>
    expect(openingBounds(at(100, 50), screens)).toEqual({ x: 100, y: 50, width: 1000, height: 700 }))
  it('in sight, after its screen has gone', () =>
    expect(openingBounds(at(2500, 50), screens)).toEqual({ width: 1000, height: 700 }))
  it('not above the edge, where it could not be dragged', () =>
    expect(openingBounds(at(100, -40), screens)).not.toHaveProperty('y'))
  it('at a size of its own the first time', () =>
    expect(openingBounds(undefined, screens)).toEqual({ width: 1280, height: 800 }))
})
