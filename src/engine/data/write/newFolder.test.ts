import fs from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { temporaryFolder } from '../dataFixture'
import { importData } from '../../import/importData'
import { withDrafts } from '../../prep/drafts'
import { splitPairs } from '../../prep/splitPairs'
import { writeAtomically } from '../../run/files'
import { newFolder } from './newFolder'

const fill = (folder: string): Promise<void> => {
  fs.writeFileSync(path.join(folder, 'texts.json'), '[]\n')
  return Promise.resolve()
}

describe('a new folder', () => {
  test('is left half full, or without its own name', async () => {
    const root = temporaryFolder()
    const target = path.join(root, 'a', 'b')
    await newFolder(target, fill)
    expect(fs.readdirSync(path.join(root, 'a'))).toEqual(['b'])
    expect(fs.readdirSync(target)).toEqual(['texts.json'])
    const failing = newFolder(path.join(root, 'c'), () => Promise.reject(new Error('no')))
    await expect(failing).rejects.toThrow('no')
    expect(fs.readdirSync(root)).toEqual(['a'])
  })

  test('goes where a link leads that stands in its place: to an empty folder, to nothing, to a file', async () => {
    const root = temporaryFolder()
    const elsewhere = path.join(root, 'elsewhere')
    fs.mkdirSync(elsewhere)
    fs.writeFileSync(path.join(root, 'file'), 'mine')
    const chosen = path.join(root, 'chosen')
    fs.mkdirSync(chosen)
    for (const to of [elsewhere, path.join(root, 'nothing'), path.join(root, 'file')]) {
      const target = path.join(chosen, path.basename(to))
      fs.symlinkSync(to, target)
      await expect(newFolder(target, fill)).rejects.toMatchObject({
        code: 'usage',
        message: expect.stringContaining('symbolic link'),
        details: { file: target, fix: expect.any(String) },
      })
    }
    expect(fs.readdirSync(root).sort()).toEqual(['chosen', 'elsewhere', 'file'])
    expect(fs.readdirSync(elsewhere)).toEqual([])
    expect(fs.readFileSync(path.join(root, 'file'), 'utf8')).toBe('mine')
  })

  test('is written to by a name that another user can have made a link of', async () => {
    const root = temporaryFolder()
    const elsewhere = path.join(root, 'elsewhere')
    fs.mkdirSync(elsewhere)
    const seen = new Set<string>()
    const target = path.join(root, 'chosen')
    // The name that only the process's number made.
    fs.symlinkSync(elsewhere, `${target}.${process.pid}.tmp`)
    for (let i = 0; i < 3; i++)
      await newFolder(target, (folder) => {
        seen.add(path.basename(folder))
        return fill(folder)
      }).then(() => fs.rmSync(target, { recursive: true }))
    expect(seen.size).toBe(3)
    expect(fs.readdirSync(elsewhere)).toEqual([])
  })

  test('is published although another folder was put in its place meanwhile', async () => {
    const root = temporaryFolder()
    const elsewhere = path.join(root, 'elsewhere')
    fs.mkdirSync(elsewhere)
    const target = path.join(root, 'chosen')
    const swapped = newFolder(target, (folder) => {
      fs.renameSync(folder, path.join(root, 'taken away'))
      fs.symlinkSync(elsewhere, folder)
      return Promise.resolve()
    })
    await expect(swapped).rejects.toMatchObject({ code: 'unwritable', details: { file: target } })
    expect(fs.existsSync(target)).toBe(false)
    expect(fs.existsSync(elsewhere)).toBe(true)
  })

  test.runIf(process.platform === 'linux')('never ends where the system refuses every new name', async () => {
    await expect(newFolder('/proc/no/such', fill)).rejects.toMatchObject({ code: 'unwritable' })
  })
})

describe('names that climb: of a data set, a column, a user, a topic, a text', () => {
  const CLIMBING = ['../../climbed', '/tmp/climbed', '..', 'a/../../climbed', 'C:\\climbed', 'nul\0l']
  const rows = CLIMBING.flatMap((name, n) =>
    [0, 1].map((k) => ({
      u_id: name,
      qid: `${name}${k}`,
      ...Object.fromEntries(CLIMBING.map((column) => [column, name])),
      prompt: `${name} ${n}`,
      chosen: name,
      rejected: `${k}`,
    })),
  )
  const filesBelow = (root: string): string[] =>
    fs
      .readdirSync(root, { recursive: true, withFileTypes: true })
      .filter((entry) => !entry.isDirectory())
      .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)))
      .sort()

  test.each(CLIMBING)('%j: a file is written outside of the chosen folder', async (name) => {
    const root = temporaryFolder()
    const input = path.join(root, 'in', 'raw.jsonl')
    const output = path.join(root, 'deep', 'er', 'out')
    fs.mkdirSync(path.dirname(input))
    fs.writeFileSync(input, rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
    await splitPairs({
      ...{ task: 'split', input, output, dts_name: name, format: 'jsonl', by: ['qid'], user: 'u_id', time: 'time' },
      ...{
        stratify: [name],
        test: 0.3,
        dev: 0,
        unseen: 0,
        perUser: false,
        sharedTexts: 'report',
        prefixColumns: [name],
        seed: 0,
      },
    })
    const imported = path.join(root, 'deep', 'er', 'imported')
    await importData(
      { format: 'pairs', inputs: [input], output: imported, columns: { user: name }, context: 'full', min_gap: 0 },
      () => {},
    )
    expect(filesBelow(root).filter((file) => !/^(in|deep\/er\/(out|imported))\/[\w.]+$/.test(file))).toEqual([])
    expect(filesBelow(output).length).toBeGreaterThan(3)
    expect(fs.existsSync('/tmp/climbed')).toBe(false)
  })
})

describe('a file that is replaced', () => {
  test('is written through a link that stands where its draft was expected', async () => {
    const root = temporaryFolder()
    const victim = path.join(root, 'victim')
    fs.writeFileSync(victim, 'mine')
    const file = path.join(root, 'df_train.jsonl')
    for (const name of [`${file}.${process.pid}.tmp`, `${file}.tmp`]) fs.symlinkSync(victim, name)
    await withDrafts((drafts) => {
      fs.writeFileSync(drafts.of(file), 'new')
      return Promise.resolve()
    })
    expect(fs.readFileSync(file, 'utf8')).toBe('new')
    writeAtomically(file, 'newer')
    expect(fs.readFileSync(file, 'utf8')).toBe('newer')
    expect(fs.readFileSync(victim, 'utf8')).toBe('mine')
  })

  test('is written through, where it is a link itself', async () => {
    const root = temporaryFolder()
    const victim = path.join(root, 'victim')
    fs.writeFileSync(victim, 'mine')
    const file = path.join(root, 'df_train.jsonl')
    fs.symlinkSync(victim, file)
    await withDrafts((drafts) => {
      fs.writeFileSync(drafts.of(file), 'new')
      return Promise.resolve()
    })
    expect(fs.lstatSync(file).isSymbolicLink()).toBe(false)
    expect(fs.readFileSync(victim, 'utf8')).toBe('mine')
  })

  test.runIf(process.platform === 'linux')('its folder is waited for without end', async () => {
    await expect(withDrafts((drafts) => Promise.resolve(drafts.of('/proc/no/such/file')))).rejects.toMatchObject({
      code: 'unwritable',
    })
  })
})
