import fs from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { HURTFUL, place } from '../../fuzz/hurtful'
import { buildCli, workspace } from '../core/testing/workspace'
import { delta } from './testing/builtCli'

let cwd: string
beforeAll(() => {
  buildCli()
  cwd = workspace()
})
afterAll(() => fs.rmSync(cwd, { recursive: true, force: true }))

/** Every verb that a person gives a file, and which of its files is the hurtful one. */
const VERBS: readonly (readonly [verb: string, file: string, args: string])[] = [
  ['preview', 'in/pairs.jsonl', '--input in/pairs.jsonl'],
  ['stats', 'in/pairs.jsonl', '--input in/pairs.jsonl'],
  ['split', 'in/pairs.jsonl', '--input in/pairs.jsonl --by qid --output OUT'],
  ['dedupe', 'in/pairs.jsonl', '--input in/pairs.jsonl --output OUT.jsonl'],
  ['import', 'in/source.csv', '--input in/source.csv --format pairs --output OUT'],
  ['import', 'in/survey.jsonl', '--input data/train.jsonl --format prism --survey in/survey.jsonl --output OUT'],
  ['validate', 'data/texts.json', '--dts_name small'],
  ['embed', 'data/texts.json', '--dts_name small --replace'],
  ['features', 'data/train.jsonl', '--dts_name small --one_hot u_id'],
  ['bow', 'in/stop.txt', '--dts_name small --stop_words in/stop.txt'],
  ['validate', 'configs/in.yaml', '--dts_config_file configs/in.yaml'],
]
const LOOKS = new Set(['preview', 'stats'])
/** One of each kind: the others are given to every reader in fuzz/hurtful.test.ts. */
const FILES = HURTFUL.filter(({ name }) =>
  [
    'UTF-16 with its mark, JSON',
    'nothing but NULs',
    'a pipe that nobody writes to',
    'a folder',
    'a link to itself',
  ].includes(name),
)

test.skipIf(process.platform === 'win32').each(VERBS)(
  'data %s waits for %s, shows a stack, or does not name the file',
  async (verb, file, args) => {
    expect(FILES).toHaveLength(5)
    const target = path.join(cwd, file)
    const sound = fs.existsSync(target) ? fs.readFileSync(target) : undefined
    fs.mkdirSync(path.join(cwd, 'in'), { recursive: true })
    for (const hurtful of FILES) {
      place(hurtful, target, fs.mkdtempSync(path.join(cwd, 'made-')))
      const { code, stdout, stderr } = await delta(cwd, 'data', verb, ...args.replace('OUT', 'out/made').split(' '))
      const said = stdout + stderr
      // What only looks tells of rows that it cannot use, and goes on.
      if (code === 0 && LOOKS.has(verb)) {
        expect(said).toMatch(/1 line is no JSON object|unusable rows +1/)
        continue
      }
      expect({ hurtful: hurtful.name, code, said }).toMatchObject({
        code: 2,
        said: expect.stringContaining(path.basename(file)),
      })
      expect(said).not.toMatch(/:\d+:\d+\)?$|internal|undefined|\[object/m)
      if (hurtful.name.startsWith('UTF-16')) expect(said).toContain('UTF-16')
      expect(fs.existsSync(path.join(cwd, 'out', 'made'))).toBe(false)
    }
    fs.rmSync(target, { recursive: true, force: true })
    if (sound) fs.writeFileSync(target, sound)
  },
)
