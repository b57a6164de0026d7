import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { AppError } from '../../shared/errors'
import { FileRoots } from './fileRoots'

const made: string[] = []
let folder: string
const at = (...parts: string[]): string => path.join(folder, ...parts)

beforeEach(() => {
  folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'delta-roots-')))
  made.push(folder)
  fs.mkdirSync(at('inside', 'deep'), { recursive: true })
  fs.mkdirSync(at('inside-not'))
  fs.writeFileSync(at('inside', 'data.yaml'), '')
  fs.writeFileSync(at('secret'), 'secret')
})
afterAll(() => made.forEach((dir) => fs.rmSync(dir, { recursive: true, force: true })))

const code = (work: () => unknown): string => {
  try {
    work()
    return 'allowed'
  } catch (error) {
    return AppError.from(error).code
  }
}
const inside = (): FileRoots => new FileRoots({ builtIn: [{ path: at('inside'), trust: 'picked' }] })

describe('a path is read', () => {
  it('within a root, the root itself too, and one that is not there yet', () => {
    const roots = inside()
    expect(roots.check(at('inside'))).toBe(at('inside'))
    expect(roots.check(at('inside', 'deep', '..', 'data.yaml'))).toBe(at('inside', 'data.yaml'))
    expect(roots.check(at('inside', 'new', 'file'))).toBe(at('inside', 'new', 'file'))
  })

  it.each(['secret', 'inside/../secret', 'inside-not/x', 'inside/deep/../../secret', '.', 'inside/\0', '/etc/passwd'])(
    'never outside one: %j',
    (given) => expect(code(() => inside().check(`${folder}/${given}`))).toBe('forbidden_path'),
  )

  it('never from nowhere', () => {
    expect(code(() => new FileRoots().check(at('inside')))).toBe('forbidden_path')
    expect(code(() => inside().check(''))).toBe('forbidden_path')
    expect(code(() => inside().check('/proc/self/root/etc/passwd'))).toBe('forbidden_path')
    expect(code(() => inside().check('\\\\host\\share\\file'))).toBe('forbidden_path')
  })

  it('not through a link out, a link in a circle, or a link whose target may be made later', () => {
    fs.symlinkSync(at('secret'), at('inside', 'out'))
    fs.symlinkSync(folder, at('inside', 'up'))
    fs.symlinkSync(at('inside', 'circle'), at('inside', 'circle'))
    fs.symlinkSync(at('later'), at('inside', 'later'))
    for (const given of ['out', 'up/secret', 'up/new', 'circle', 'later', 'later/file'])
      expect(
        code(() => inside().check(at('inside', given))),
        given,
      ).toBe('forbidden_path')
  })

  it('through a link that stays within, or leads in', () => {
    fs.symlinkSync(at('inside', 'data.yaml'), at('inside', 'link'))
    fs.symlinkSync(at('inside'), at('in'))
    expect(inside().check(at('inside', 'link'))).toBe(at('inside', 'data.yaml'))
    expect(inside().check(at('in', 'data.yaml'))).toBe(at('inside', 'data.yaml'))
  })

  it('not where a link has taken the place of a root', () => {
    const roots = new FileRoots({ builtIn: [{ path: at('inside', 'deep'), trust: 'picked' }] })
    fs.rmdirSync(at('inside', 'deep'))
    fs.symlinkSync(folder, at('inside', 'deep'))
    expect(code(() => roots.check(at('inside', 'deep', 'secret')))).toBe('forbidden_path')
  })

  it('once it was chosen, and after the next start as well', () => {
    const memory = at('data', 'file-roots.json')
    const roots = new FileRoots({ memory })
    roots.allow(at('secret'))
    expect(roots.check(at('secret'))).toBe(at('secret'))
    // Another process on the same memory.
    new FileRoots({ memory }).allow(at('inside'), 'picked')
    roots.allow(at('inside-not'))
    const again = new FileRoots({ memory })
    for (const given of ['secret', 'inside/data.yaml', 'inside-not']) expect(again.check(at(given))).toBe(at(given))
    expect(code(() => again.check(at('.')))).toBe('forbidden_path')
    if (process.platform !== 'win32') expect(fs.statSync(memory).mode & 0o77).toBe(0)
  })

  it('a broken memory allows nothing and is replaced', () => {
    const memory = at('file-roots.json')
    fs.writeFileSync(memory, '{"format":1,"roots":[{"path":"/"')
    const roots = new FileRoots({ memory })
    expect(code(() => roots.check(at('secret')))).toBe('forbidden_path')
    roots.allow(at('secret'))
    expect(new FileRoots({ memory }).check(at('secret'))).toBe(at('secret'))
  })
})

describe('a path is written', () => {
  it('where a person said so, and nowhere else', () => {
    const roots = new FileRoots({
      builtIn: [
        { path: at('inside'), trust: 'picked' },
        { path: at('inside-not'), trust: 'read' },
      ],
    })
    roots.allow(at('export.csv'), 'save')
    expect(roots.checkTarget(at('inside', 'x.csv'))).toBe(at('inside', 'x.csv'))
    expect(roots.checkTarget(at('export.csv'))).toBe(at('export.csv'))
    expect(code(() => roots.checkTarget(at('inside-not', 'x')))).toBe('forbidden_path')
    expect(code(() => roots.checkTarget(at('secret')))).toBe('forbidden_path')
  })

  it('not through a link to nothing', () => {
    fs.symlinkSync(at('later'), at('inside', 'later'))
    expect(code(() => inside().checkTarget(at('inside', 'later')))).toBe('forbidden_path')
  })
})

describe('a configuration vouches for the files it names', () => {
  it('when a person chose it or its folder', () => {
    expect(inside().vouches(at('inside', 'data.yaml'))).toBe(true)
    expect(inside().vouches(at('secret'))).toBe(false)
  })

  it('not in a folder of the program within a chosen one', () => {
    const roots = inside()
    roots.offer(at('inside', 'deep'), 'read')
    expect(roots.vouches(at('inside', 'deep', 'x.yaml'))).toBe(false)
  })

  it('not when it was written for the page, after the next start neither, until a person chooses it', () => {
    const memory = at('file-roots.json')
    const start = () => new FileRoots({ memory, builtIn: [{ path: at('inside'), trust: 'picked' }] })
    const roots = start()
    roots.checkTarget(at('inside', 'data.yaml'))
    expect(roots.vouches(at('inside', 'data.yaml'))).toBe(false)
    const again = start()
    expect(again.vouches(at('inside', 'data.yaml'))).toBe(false)
    again.allow(at('inside', 'data.yaml'), 'picked')
    expect(again.vouches(at('inside', 'data.yaml'))).toBe(true)
    expect(start().vouches(at('inside', 'data.yaml'))).toBe(true)
  })

  it('not as the place of an export', () => {
    const roots = new FileRoots()
    roots.allow(at('export.yaml'), 'save')
    expect(roots.vouches(at('export.yaml'))).toBe(false)
  })
})
