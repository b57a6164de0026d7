import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { requests } from '../../shared/api/requests'
import { FORBIDDEN_PATHS, pathAttacks } from '../../shared/testing/pathAttacks'
import { createCore, type Core } from '../createCore'
import { memorySpawner } from '../engine/memorySpawner'

let folder: string
let core: Core
const at = (...parts: string[]): string => path.join(folder, ...parts)
beforeAll(() => {
  folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'delta-routes-')))
  for (const dir of ['configs', 'logs', 'shared', 'elsewhere']) fs.mkdirSync(at(dir))
  fs.writeFileSync(at('elsewhere', 'secret.yaml'), 'secret: {}\n')
  const files = '{ df_file: a, text_file: b, emb_file: c }'
  fs.writeFileSync(at('configs', 'data_configs.yaml'), `small:\n  dts_path: .\n  train: ${files}\n`)
  fs.symlinkSync(at('elsewhere', 'secret.yaml'), at('shared', 'link.yaml'))
  fs.symlinkSync(at('elsewhere'), at('shared', 'link'))
  fs.writeFileSync(at('shared', 'b10.yaml'), 'x: {}\n')
  fs.writeFileSync(at('shared', 'B9.yaml'), 'x: {}\n')
  fs.writeFileSync(at('shared', '.hidden'), '')
  fs.mkdirSync(at('shared', 'z'))
  core = createCore({
    logDir: at('logs'),
    dataDir: undefined,
    spawner: memorySpawner(() => {}),
    roots: { cwd: folder, installed: at('nothing') },
    browse: [at('shared')],
  })
})
afterAll(async () => {
  await core.close()
  fs.rmSync(folder, { recursive: true, force: true })
})

/** Inputs that name a file or a folder, by the names that we give such inputs. */
function pathKeys(schema: unknown, before = ''): string[] {
  const { properties, anyOf, items } = Object(schema)
  const alternatives = Array.isArray(anyOf) ? anyOf.flatMap((one) => pathKeys(one, before)) : []
  const within = items ? pathKeys(items, `${before}[]`) : []
  const own = Object.entries(Object(properties)).flatMap(([key, value]) => {
    const dotted = before === '' ? key : `${before}.${key}`
    const isPath = /(^|_)(file|files|path|paths|dir|folder|yaml_file)$|(File|Path|Dir|Folder)s?$/.test(key)
    return isPath ? [dotted] : pathKeys(value, dotted)
  })
  return [...new Set([...alternatives, ...within, ...own])]
}

const experiment = { dts_name: 'small' }
const attacks = pathAttacks(experiment)

it('a route takes a path that no attack below tries', () => {
  const found = Object.entries(requests).flatMap(([route, { input }]) =>
    pathKeys(z.toJSONSchema(input, { io: 'input', unrepresentable: 'any' })).map((key) => `${route} ${key}`),
  )
  const tried = new Set(attacks.map(({ route, key }) => `${route} ${key}`))
  expect(found.filter((one) => !tried.has(one))).toEqual([])
  expect(found.length).toBeGreaterThan(5)
})

describe.each(attacks)('$route reads by $key what nobody has allowed', ({ route, input }) => {
  it.each([
    ...FORBIDDEN_PATHS,
    'elsewhere/secret.yaml',
    'shared/link.yaml',
    'shared/link/secret.yaml',
    'shared/../elsewhere/secret.yaml',
  ])('%j', async (given) => {
    const absolute = /^(elsewhere|shared)/.test(given) ? `${folder}/${given}` : given
    const reply = await core.request(route, input(absolute))
    expect(reply).toMatchObject({ ok: false, error: { code: 'forbidden_path', details: { fix: /--root/ } } })
    // Neither whether it exists nor what it holds.
    expect(JSON.stringify(reply)).not.toMatch(/root:x|secret: /)
  })
})

describe('looking around', () => {
  it('lists folders first, by name as people count, without what is hidden or leads out', async () => {
    const reply = await core.request('files.browse', {})
    expect(reply).toMatchObject({
      ok: true,
      data: { dir: at('shared'), parent: null, places: [at('shared')], more: false },
    })
    expect(reply.ok && Object(reply.data).entries).toEqual([
      { name: 'z', path: at('shared', 'z'), kind: 'folder', bytes: 0 },
      { name: 'B9.yaml', path: at('shared', 'B9.yaml'), kind: 'file', bytes: 6 },
      { name: 'b10.yaml', path: at('shared', 'b10.yaml'), kind: 'file', bytes: 6 },
    ])
  })

  it('goes up within the roots only', async () => {
    expect(await core.request('files.browse', { dir: at('shared', 'z') })).toMatchObject({
      ok: true,
      data: { parent: at('shared'), entries: [] },
    })
  })

  it('says what cannot be listed', async () => {
    expect(await core.request('files.browse', { dir: at('shared', 'b10.yaml') })).toMatchObject({
      ok: false,
      error: { code: 'not_found' },
    })
    expect(await core.request('files.browse', { dir: at('shared', 'gone') })).toMatchObject({
      ok: false,
      error: { code: 'not_found' },
    })
  })
})

describe('a dialog', () => {
  it('is refused where the page is served', async () => {
    expect(await core.request('files.pick', { kind: 'file', title: 'x' })).toMatchObject({
      ok: false,
      error: { code: 'usage' },
    })
  })

  it('allows what was chosen, and nothing when it was cancelled', async () => {
    let answer: string[] = []
    const desktop = createCore({
      logDir: at('logs'),
      dataDir: undefined,
      spawner: memorySpawner(() => {}),
      roots: { cwd: folder, installed: at('nothing') },
      shell: { pick: async () => answer, reveal: () => {}, confirm: async () => false },
    })
    const ask = { kind: 'file', title: 'Configuration', extensions: ['yaml'] }
    const file = at('elsewhere', 'secret.yaml')
    const register = { paths: [file] }
    expect(await desktop.request('files.pick', ask)).toEqual({ ok: true, data: { paths: [] } })
    expect(await desktop.request('datasets.register', register)).toMatchObject({ error: { code: 'forbidden_path' } })
    answer = [file]
    await desktop.request('files.pick', ask)
    expect(await desktop.request('datasets.register', register)).toMatchObject({
      ok: true,
      data: { keys: [expect.stringMatching(/^secret~/)] },
    })
    await desktop.close()
  })

  it.each([
    { kind: 'disk', title: 'x' },
    { kind: 'file', title: '' },
    { kind: 'file', title: 'x', extensions: ['*'] },
    { kind: 'file', title: 'x', extensions: ['../x'] },
    { kind: 'save', title: 'x', defaultName: '../x' },
    { kind: 'save', title: 'x', defaultName: '..' },
  ])('takes %j', async (input) => {
    expect(await core.request('files.pick', input)).toMatchObject({ ok: false, error: { code: 'usage' } })
  })
})

it('a file whose place was chosen is not written, not over an older one, or elsewhere too', async () => {
  const chosen = at('elsewhere', 'report.html')
  const own = createCore({
    logDir: at('logs'),
    dataDir: undefined,
    spawner: memorySpawner(() => {}),
    roots: { cwd: folder, installed: at('nothing') },
    shell: { pick: async () => [chosen], reveal: () => {}, confirm: async () => false },
  })
  const write = (file: string, data: string, encoding: string) =>
    own.request('files.write', { path: file, data, encoding })
  expect(await write(chosen, 'x', 'utf8')).toMatchObject({ ok: false, error: { code: 'forbidden_path' } })
  expect(await own.request('files.pick', { kind: 'save', title: 'Report' })).toMatchObject({ ok: true })
  expect(await write(chosen, '<p>é</p>', 'utf8')).toMatchObject({ ok: true })
  expect(fs.readFileSync(chosen, 'utf8')).toBe('<p>é</p>')
  expect(await write(chosen, Buffer.from([0, 255]).toString('base64'), 'base64')).toMatchObject({ ok: true })
  expect([...fs.readFileSync(chosen)]).toEqual([0, 255])
  expect(await write(at('elsewhere', 'other.html'), 'x', 'utf8')).toMatchObject({ ok: false })
  expect(fs.readdirSync(at('elsewhere')).sort()).toEqual(['report.html', 'secret.yaml'])
  await own.close()
})
