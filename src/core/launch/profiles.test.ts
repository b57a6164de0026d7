import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { clusterSchema } from '../../shared/domain/cluster'
import { AppError } from '../../shared/errors'
import type { Consent } from '../files/desktopShell'
import { readClusterText, withClusterChanges } from './clusterDocument'
import { lookAtCluster, nodesOf } from './lookAtCluster'
import { ClusterProfiles } from './profiles'

let dir: string
let asked: Consent[]
let agrees: boolean
beforeEach(() => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'delta-profiles-'))
  ;[asked, agrees] = [[], false]
})
afterEach(() => fs.rmSync(dir, { recursive: true, force: true }))

const desktop = (): ClusterProfiles =>
  new ClusterProfiles(dir, {
    pick: async () => [],
    reveal: () => {},
    confirm: async (question) => {
      asked.push(question)
      return agrees
    },
  })
const files = (): string[] =>
  fs.existsSync(path.join(dir, 'clusters')) ? fs.readdirSync(path.join(dir, 'clusters')) : []

describe('a profile of the window', () => {
  it('is lost, keeps its old name, takes another one’s place, or is no file that the command line takes', async () => {
    const profiles = desktop()
    const yaml = '# mine\nlauncher: slurm\ntime: "30" # enough\nthrottle: 4\n'
    expect(await profiles.save('big', yaml)).toBe(true)
    expect(asked).toEqual([])
    expect(fs.readFileSync(path.join(dir, 'clusters', 'big.yaml'), 'utf8')).toBe(yaml)
    expect(profiles.list()).toEqual([
      {
        ...{ name: 'big', file: path.join(dir, 'clusters', 'big.yaml'), problem: null },
        ...{ host: null, partition: null, time: '30', throttle: 4 },
      },
    ])
    expect(profiles.copy('big')).toBe('big-2')
    await expect(profiles.save('big-2', yaml)).rejects.toThrow('already')
    expect(await profiles.save('small', yaml.replace('4', '2'), 'big-2')).toBe(true)
    expect(files()).toEqual(['big.yaml', 'small.yaml'])
    expect(profiles.cluster('small').throttle).toBe(2)
    profiles.delete('small')
    expect(() => profiles.delete('small')).toThrow('no profile')
    fs.writeFileSync(path.join(dir, 'clusters', 'broken.yaml'), 'launcher: [')
    expect(profiles.list().find(({ name }) => name === 'broken')?.problem).toContain('line 1')
  })

  it('whose words YAML takes for numbers is no profile', () => {
    const { cluster, problems } = readClusterText('launcher: slurm\ntime: 30\nmemory: 4000\ngpus: 1\n')
    expect(problems).toEqual([])
    expect(cluster).toMatchObject({ time: '30', memory: '4000', gpus: '1' })
    expect(readClusterText('launcher: slurm\npartition: 30\n').problems).toHaveLength(1)
  })

  it('changes a comment or another key with the one that the form changes', () => {
    const text = '# mine\nlauncher: slurm # ours\ntime: "30"\nthrottle: 4 # few\n'
    expect(withClusterChanges(text, { throttle: null, cpus: 2, time: '1:00:00' })).toBe(
      '# mine\nlauncher: slurm # ours\ntime: "1:00:00"\ncpus: 2\n',
    )
    const lines = withClusterChanges(text, { preamble: 'module load a\n\n  indented: "b"' })
    expect(lines).toContain('preamble: |-\n  module load a\n\n    indented: "b"\n')
    expect(readClusterText(lines).cluster?.preamble).toBe('module load a\n\n  indented: "b"')
    // Lines whose first is indented are no such block: it is quoted.
    const odd = withClusterChanges(lines, { preamble: '  a\nb\n' })
    expect(readClusterText(odd).cluster?.preamble).toBe('  a\nb\n')
    expect(odd).toContain('throttle: 4 # few')
    expect(withClusterChanges(odd, { preamble: null })).toBe(text)
    expect(readClusterText(withClusterChanges(text, { delta: ['a b', '-x'] })).cluster?.delta).toEqual(['a b', '-x'])
  })
})

describe('who has taken over a page', () => {
  const HURTFUL = [
    ['host: -oProxyCommand=touch hurt', 'host'],
    ['host: "-oProxyCommand=touch${IFS}hurt"', 'host'],
    ['host: "me@-oProxyCommand=touch${IFS}hurt"', 'host'],
    ['host: "a;touch hurt"', 'host'],
    ['host: "$(touch hurt)"', 'host'],
    ['host: "a\\nb"', 'host'],
    ['partition: "--wrap=touch hurt"', 'partition'],
    ['partition: "a b"', 'partition'],
    ['account: "a\\n#SBATCH --wrap"', 'account'],
    ['gpus: "-x"', 'gpus'],
    ['time: "1; touch hurt"', 'time'],
    ['memory: "1G --wrap=x"', 'memory'],
    ['remote_dir: relative/../..', 'remote_dir'],
    ['remote_dir: "/a\\nb"', 'remote_dir'],
    ['delta: [node, "a\\0b"]', 'delta'],
    ['preamble: "a\\0b"', 'preamble'],
    ['launcher: local', 'launcher'],
    ['cpus: 1e99', 'cpus'],
    ['surprise: 1', 'surprise'],
  ] as const
  it.for(HURTFUL)('has kept what is no profile: %s', async ([line, key]) => {
    agrees = true
    const yaml = `${line.startsWith('launcher') ? '' : 'launcher: slurm\n'}${line}\n`
    expect(readClusterText(yaml).problems.map((one) => one.key.split('.')[0])).toEqual([key])
    await expect(desktop().save('x', yaml)).rejects.toMatchObject({ code: 'config_invalid' })
    expect(files()).toEqual([])
    expect(asked).toEqual([])
  })

  it('has a program run that the person has not seen and agreed to', async () => {
    const RUNS = [
      'host: cluster',
      'ssh_options: ["-oProxyCommand=touch hurt"]',
      'ssh_options: [-F, /somewhere/else]',
      'remote_dir: /etc',
      'delta: [sh, -c, touch hurt]',
      'preamble: touch hurt',
    ]
    for (const line of RUNS) {
      const yaml = `launcher: slurm\n${line}\n`
      expect(await desktop().save('x', yaml)).toBe(false)
      expect(asked.at(-1)?.detail).toContain(line.split(': ')[0])
      await expect(new ClusterProfiles(dir).save('x', yaml)).rejects.toMatchObject({ code: 'usage' })
    }
    expect(asked).toHaveLength(RUNS.length)
    expect(files()).toEqual([])
    // Agreed to once, the rest of it is changed without a question.
    agrees = true
    const yaml = 'launcher: slurm\nhost: cluster\npreamble: module load a\n'
    expect(await desktop().save('x', yaml)).toBe(true)
    agrees = false
    expect(await desktop().save('x', `${yaml}throttle: 4\n`, 'x')).toBe(true)
    expect(await new ClusterProfiles(dir).save('y', `${yaml}throttle: 5\n`)).toBe(true)
    expect(asked).toHaveLength(RUNS.length + 1)
    expect(await desktop().save('x', yaml.replace('load a', 'load b'), 'x')).toBe(false)
  })

  it('hides what is run from who is asked', async () => {
    const hidden = '#\u202E\u0007\r harmless'
    await desktop().save('x', `launcher: slurm\npreamble: ${JSON.stringify(`a\n${hidden}`)}\n`)
    expect(asked[0]?.detail).not.toMatch(/[\u202E\u0007\r]/)
    expect(asked[0]?.detail).toContain('harmless')
    await expect(desktop().save('x', `launcher: slurm\npreamble: "${'a'.repeat(3_000)}"\n`)).rejects.toThrow('too long')
    expect(asked).toHaveLength(1)
  })

  it.for(['..', '../x', '/etc/x', 'a/b', '.hidden', 'a\0', ''])('leaves the folder by the name %j', async (name) => {
    const profiles = desktop()
    expect(profiles.find(name)).toBeUndefined()
    expect(() => profiles.text(name)).toThrow(AppError)
  })

  it('reads a file of another folder through a link', () => {
    fs.mkdirSync(path.join(dir, 'clusters'))
    fs.writeFileSync(path.join(dir, 'elsewhere.yaml'), 'launcher: slurm\nhost: secret\n')
    fs.symlinkSync(path.join(dir, 'elsewhere.yaml'), path.join(dir, 'clusters', 'link.yaml'))
    expect(desktop().list()).toEqual([])
    expect(desktop().find('link')).toBeUndefined()
  })
})

describe('a cluster that is asked', () => {
  const cluster = clusterSchema.parse({ launcher: 'slurm', host: 'far', partition: 'cpu', remote_dir: '/scratch/me' })
  const said = new Map([
    ['sbatch', 'slurm 22.05.8\n'],
    ['sinfo', 'cpu*|3|idle\ncpu*|1|mix\ngpu|2|idle*\n'],
    ['rsync', 'rsync  version 3.2.7  protocol version 31\n'],
    ['test', ''],
    ['/far/node', '0.1.0\n'],
  ])
  const run = async (argv: readonly string[]): Promise<string> => {
    const text = said.get(argv[0]!)
    if (text === undefined) throw new AppError('service_failed', `ssh failed: ${argv[0]}: command not found`)
    return text
  }

  it('is said to work where something is missing, or without a word on what to do', async () => {
    const answers = await lookAtCluster(cluster, ['/far/node', 'cli.js'], { run })
    expect(answers.map(({ what, works, text }) => [what, works, text])).toEqual([
      ['sbatch on far', true, 'slurm 22.05.8'],
      ['Nodes of cpu', true, 'cpu: 4 nodes, 3 idle'],
      ['Delta there', true, 'version 0.1.0'],
      ['rsync there', true, 'rsync  version 3.2.7  protocol version 31'],
      ['Folder there', true, '/scratch can be written'],
    ])
    const other = await lookAtCluster(cluster, ['/elsewhere/node', 'cli.js'], { run })
    expect(other[2]).toMatchObject({ works: false, fix: expect.stringContaining('Install it on far') })
    // Where not even sbatch is, the rest would only say so again.
    const none = await lookAtCluster(cluster, undefined, { run: async () => run(['nothing']) })
    expect(none).toHaveLength(1)
    expect(none[0]).toMatchObject({ works: false, text: 'ssh failed: nothing: command not found' })
  })

  it('has a partition that it has not', () => {
    expect(nodesOf('a*|3|idle\nb|1|alloc', 'c')).toEqual({
      text: '',
      problem: 'There is no partition c. There are a, b',
    })
    expect(nodesOf('', undefined).problem).toBe('Slurm answers, but has no nodes')
    expect(nodesOf('a*|1|down*', undefined)).toEqual({ text: 'a: 1 node, 0 idle' })
  })

  it('is waited for without end, or told in the words of a shell', async () => {
    const here = clusterSchema.parse({ launcher: 'slurm' })
    const before = process.env['PATH']
    process.env['PATH'] = dir
    try {
      const [answer] = await lookAtCluster(here, undefined)
      expect(answer).toMatchObject({ works: false, text: 'sbatch failed: it is not on this machine' })
      expect(answer?.fix).toContain('login node')
    } finally {
      process.env['PATH'] = before
    }
  })
})
