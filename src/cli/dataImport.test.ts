import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { beforeAll, expect, onTestFinished, test } from 'vitest'
import { buildCli } from '../core/testing/workspace'
import { start, type Finished } from './testing/builtCli'

/** The built program: import, recover, and input that is no file. */
beforeAll(() => buildCli())

function place(): { folder: string; run: (args: readonly string[]) => Promise<Finished> } {
  const folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'delta-import-')))
  onTestFinished(() => fs.rmSync(folder, { recursive: true, force: true }))
  return { folder, run: (args) => start(folder, args, { XDG_CACHE_HOME: path.join(folder, 'cache') }).done }
}

/** PRISM's shape: people who each talk about the same few things. */
function conversations(users: number): string {
  const talk = (turn: number, role: string, content: string, more: object = {}): object => ({
    turn,
    role,
    content,
    ...more,
  })
  const lines = Array.from({ length: users }, (_, u) =>
    [0, 1, 2].map((c) => ({
      conversation_id: `c${u}-${c}`,
      user_id: `user${u}`,
      conversation_history: [
        talk(0, 'user', `Question ${c}?`),
        talk(0, 'model', `Answer ${u % 2} to ${c}.`, { score: 80, if_chosen: true }),
        talk(0, 'model', `Answer ${1 - (u % 2)} to ${c}.`, { score: 30, if_chosen: false }),
      ],
    })),
  ).flat()
  return lines.map((line) => `${JSON.stringify(line)}\n`).join('')
}

/** The words of a printed command behind the program's name. */
const wordsOf = (command: string): string[] =>
  command
    .replace(/^(npx delta|npm run -s delta --) /, '')
    .match(/'[^']*'|\S+/g)!
    .map((word) => word.replaceAll("'", ''))

test('the commands that import names next do not work as they are printed', async () => {
  const { folder, run } = place()
  fs.writeFileSync(path.join(folder, 'conversations.jsonl'), conversations(10))
  fs.writeFileSync(
    path.join(folder, 'survey.jsonl'),
    Array.from({ length: 10 }, (_, u) => `{"user_id":"user${u}","age":"${u % 3}","gender":"x"}\n`).join(''),
  )
  const source = ['--format', 'prism', '--input', 'conversations.jsonl', '--survey', 'survey.jsonl']
  const imported = await run(['data', 'import', ...source, '--output', 'my prism'])
  expect(imported).toMatchObject({ code: 0 })
  const next = imported.stdout
    .split('\n')
    .flatMap((line) => (/^ {2}(npx delta|npm run)/.test(line) ? [line.trim()] : []))
  expect(next).toHaveLength(3)
  for (const command of next) {
    const done = await run([...wordsOf(command), ...(command.includes(' train ') ? ['--max_epochs', '1'] : [])])
    expect({ command, code: done.code, stderr: done.stderr }).toMatchObject({ code: 0 })
  }
  // The features got as far as the run.
  expect(fs.readFileSync(path.join(folder, 'my prism-split/data_configs.yaml'), 'utf8')).toMatch(
    /prefix_columns.*age__/,
  )
})

test.each<[string, string[], number, RegExp]>([
  ['a source that is not there', ['--format', 'pairs', '--input', 'no.csv'], 2, /no\.csv/],
  ['a format that does not exist', ['--format', 'nothing', '--input', 'x'], 2, /Allowed choices/],
  ['a column that is not there', ['--format', 'pairs', '--input', 'a.csv'], 2, /a\.csv/],
  ['UTF-16', ['--format', 'pairs', '--input', 'utf16.csv'], 2, /UTF-16.*utf16\.csv|utf16\.csv.*UTF-16/s],
  ['Latin-1', ['--format', 'pairs', '--input', 'latin1.csv'], 2, /not valid UTF-8/],
  ['a pipe behind a link', ['--format', 'pairs', '--input', 'link'], 2, /not a regular file/],
  ['a device behind a link', ['--format', 'pairs', '--input', 'zero'], 2, /not a regular file/],
])('import of %s ends without a clear sentence', async (_what, args, code, message) => {
  const { folder, run } = place()
  fs.writeFileSync(path.join(folder, 'a.csv'), 'one,two\n1,2\n')
  fs.writeFileSync(path.join(folder, 'utf16.csv'), Buffer.from('\ufeffuser,prompt\n1,a\n', 'utf16le'))
  fs.writeFileSync(path.join(folder, 'latin1.csv'), Buffer.from('user,prompt,chosen,rejected\n1,é,a,b\n', 'latin1'))
  execFileSync('mkfifo', [path.join(folder, 'pipe')])
  fs.symlinkSync('pipe', path.join(folder, 'link'))
  fs.symlinkSync('/dev/zero', path.join(folder, 'zero'))
  const done = await run(['data', 'import', ...args, '--output', 'out'])
  expect(done.code).toBe(code)
  expect(done.stderr).toMatch(message)
  expect(fs.readdirSync(folder).filter((name) => name.startsWith('out'))).toEqual([])
})

test('recover takes a pipe for a truth, or its figures are not there', async () => {
  const { folder, run } = place()
  const options = ['--pairs', '3000', '--users', '40', '--texts', '600', '--width', '16', '--attributes', '2']
  expect(await run(['data', 'simulate', '--output', 'sim', ...options])).toMatchObject({ code: 0 })
  const data = ['--dts_name', 'simulation', '--dts_config_file', 'sim/data_configs.yaml']
  const model = ['--model_name', 'lore', '--n_dim', '2', '--max_epochs', '5']
  expect(await run(['train', ...data, ...model])).toMatchObject({ code: 0 })
  const recovered = await run(['data', 'recover', 'default_exp/v0', '--json'])
  expect(recovered).toMatchObject({ code: 0 })
  expect(recovered.lines.at(-1)).toMatchObject({ users: expect.any(Number), own_r: expect.any(Number) })
  expect(await run(['data', 'recover', 'default_exp/v9'])).toMatchObject({ code: 2 })
  expect(await run(['data', 'recover', 'default_exp/v0', '--truth', '.'])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('truth of this data set is not known'),
  })
  execFileSync('mkfifo', [path.join(folder, 'truth.json')])
  expect(await run(['data', 'recover', 'default_exp/v0', '--truth', '.'])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('not a regular file'),
  })
})
