import { execFileSync } from 'node:child_process'
import { afterEach, expect, test, vi } from 'vitest'
import { commandLine, configRoots } from './roots'

afterEach(() => void vi.unstubAllEnvs())

const ODD = [
  'a b',
  "it's",
  '$HOME',
  '`x`',
  '"',
  '\\',
  '*',
  '~',
  '',
  '#',
  'a\nb',
  '!x',
  '--set',
  'trainer.betas=[0.9, 0.95]',
  'ü',
  '&',
  '{a,b}',
  '-n',
  '=ls',
]

test.skipIf(process.platform === 'win32')('the command of a run loses an odd argument in a shell', () => {
  vi.stubEnv('npm_lifecycle_event', undefined)
  const command = commandLine(ODD)
  expect(command).toMatch(/^npx delta /)
  const print = `printf '%s\\0' ${command.slice('npx delta '.length)}`
  expect(execFileSync('sh', ['-c', print], { encoding: 'utf8' }).split('\0').slice(0, -1)).toEqual(ODD)
})

test('plain arguments are quoted', () => {
  vi.stubEnv('npm_lifecycle_event', 'delta')
  expect(commandLine(['train', '--dts_name', 'simpler', '--set', 'trainer.min_lr=1e-6', './a/b-c.yaml'])).toBe(
    'npm run -s delta -- train --dts_name simpler --set trainer.min_lr=1e-6 ./a/b-c.yaml',
  )
})

test('npm’s folder is taken for the person’s, or a foreign INIT_CWD is believed', () => {
  vi.stubEnv('INIT_CWD', '/home/person/project')
  vi.stubEnv('npm_lifecycle_event', 'delta')
  expect(configRoots().cwd).toBe('/home/person/project')
  vi.stubEnv('npm_lifecycle_event', 'test')
  expect(configRoots().cwd).toBe(process.cwd())
})
