import fs from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildCli, workspace } from '../core/testing/workspace'
import { delta, start } from './testing/builtCli'

let cwd: string
beforeAll(async () => {
  buildCli()
  cwd = workspace()
  await delta(cwd, 'train', '--dts_name', 'small', '--max_epochs', '2', '--exp_name', 'e')
  const file = (name: string): string => path.join(cwd, 'data', name)
  const strangers = fs.readFileSync(file('test.jsonl'), 'utf8').replaceAll(/"u_id":/g, '"u_id":1')
  fs.writeFileSync(file('new.jsonl'), strangers)
})
afterAll(() => fs.rmSync(cwd, { recursive: true, force: true }))

const FOR_PEOPLE = { flags: [], first: /^[\d,]+\/[\d,]+ pairs fitted/, last: /pairs fitted/ }
const FOR_SCRIPTS = {
  flags: ['--json'],
  first: /^\{"type":"progress","what":"pairs fitted","done":\d+,"total":\d+\}\n/,
  last: /^\{"type":"error","code":"stopped"/,
}

test.skipIf(process.platform === 'win32').each([FOR_PEOPLE, FOR_SCRIPTS])(
  'a fit ($flags) does not tell how far it is, is not ended by Ctrl-C, or leaves half of what it writes',
  async ({ flags, first, last }) => {
    const output = path.join(cwd, 'rows.json')
    // Minutes, unless somebody ends it.
    const { child, done } = start(cwd, [
      ...[
        'adapt',
        'e/v0',
        '--input',
        'data/new.jsonl',
        '--repeats',
        '2000',
        '--k',
        'all',
        '--output',
        output,
        ...flags,
      ],
    ])
    const told = await new Promise<string>((resolve) => child.stdout?.once('data', (text) => resolve(String(text))))
    expect(told).toMatch(first)
    child.kill('SIGINT')
    const { code, stdout, stderr } = await done
    expect(code).toBe(130)
    expect(stdout).not.toContain('accuracy')
    expect(stdout.trimEnd().split('\n').at(-1)).toMatch(last)
    expect(stderr).toContain('Stopped while new users were fitted')
    expect(stderr).not.toMatch(/ at .*:\d+/)
    expect(fs.existsSync(output)).toBe(false)
  },
  60_000,
)
