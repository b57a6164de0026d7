import { expect, it } from 'vitest'
import { clusterSchema } from '../../shared/domain/cluster'
import { ClusterShell } from './clusterShell'
import { Slurm, parseSacct, parseSqueue, rangesOf } from './slurm'

it('indices of an array lose one, or are written one by one', () => {
  expect(rangesOf([0, 1, 2, 3, 7, 9, 8])).toBe('0-3,7-9')
  expect(rangesOf([5])).toBe('5')
})

it('a task is taken for another state, number or batch than squeue gives it', () => {
  const text = [
    '12|9|0|RUNNING|None|n1|token-a',
    '13|9|1|PENDING|Resources||token-a',
    '14|9|2|TIMEOUT|TimeLimit|n2|token-a',
    '15|9|3|COMPLETED|None|n3|token-a',
    '16|16|N/A|RUNNING|None|n4|',
    '17|9|4|REQUEUED|BeginTime||a|comment|with bars',
    '18|9|5|PENDING|launch failed requeued held||token-a',
    '',
  ].join('\n')
  expect(parseSqueue(text)).toEqual([
    { token: 'token-a', index: 0, state: { is: 'running', text: 'RUNNING on n1', job: '9' } },
    { token: 'token-a', index: 1, state: { is: 'waiting', text: 'PENDING (Resources)', job: '9' } },
    { token: 'token-a', index: 2, state: { is: 'ended', text: 'TIMEOUT on n2 (TimeLimit)', again: true, job: '9' } },
    { token: 'token-a', index: 3, state: { is: 'ended', text: 'COMPLETED on n3', again: false, job: '9' } },
    { token: 'a|comment|with bars', index: 4, state: { is: 'waiting', text: 'REQUEUED (BeginTime)', job: '9' } },
    {
      token: 'token-a',
      index: 5,
      state: { is: 'ended', text: 'PENDING (launch failed requeued held)', again: true, job: '9', held: true },
    },
  ])
})

it('the accounting is read otherwise than sacct writes it', () => {
  const tasks = parseSacct(
    '9_0|COMPLETED|n1|t\n9_1|CANCELLED by 0|None assigned|t\n9_2|OUT_OF_MEMORY|n2|\n9_[3-4]|PENDING||t\n',
  )
  expect(tasks.map(({ index, token }) => `${index} ${token}`)).toEqual(['0 t', '1 t', '2 '])
  expect(tasks[2]?.state).toEqual({ is: 'ended', text: 'OUT_OF_MEMORY on n2', again: false, job: '9' })
})

it('a task is waited for, or takes the end of another, because the accounting has its number', async () => {
  const shell = new ClusterShell({ ssh_options: [] })
  // One ended; of one the number was given out again; one was lost with the controller, and runs for ever by the accounting.
  const past = '9_0|TIMEOUT|n1|t\n9_1|FAILED|n1|another\n9_2|RUNNING|n1|t\n9_3|FAILED|n1|\n'
  shell.run = ([command]) => Promise.resolve(command === 'sacct' ? past : '')
  const states = await new Slurm(shell, clusterSchema.parse({ launcher: 'slurm' })).poll([
    { token: 't', job: '9', tasks: [0, 1, 2, 3] },
  ])
  expect([...states.keys()]).toEqual(['t/0', 't/3'])
  expect(states.get('t/0')).toMatchObject({ is: 'ended', again: true })
})

it.each([
  ['1', '--gres=gpu:1'],
  ['gpu:a100:2', '--gres=gpu:a100:2'],
  [undefined, undefined],
])('a profile that asks for the cards %s hands over %s', async (gpus, option) => {
  const shell = new ClusterShell({ ssh_options: [] })
  const given: string[] = []
  shell.run = (words) => {
    given.push(...words)
    return Promise.resolve('12\n')
  }
  const slurm = new Slurm(shell, clusterSchema.parse({ launcher: 'slurm', gpus }))
  await slurm.submit({ token: 't', name: 'n', tasks: [0], script: '/task.sh', log: '/log' })
  expect(given.find((word) => /^--g(res|pus)/.test(word))).toBe(option)
})

it('a controller that has lost its state and runs a task again makes it look ended', async () => {
  const shell = new ClusterShell({ ssh_options: [] })
  shell.run = () => Promise.resolve('1|1|0|FAILED|None|n1|t\n2|2|0|RUNNING|None|n2|t\n3|3|0|FAILED|None|n1|t\n')
  const slurm = new Slurm(shell, clusterSchema.parse({ launcher: 'slurm' }))
  expect((await slurm.poll([{ token: 't', tasks: [0] }])).get('t/0')).toMatchObject({ is: 'running', job: '2' })
})

it.each([
  { host: '-oProxyCommand=touch /tmp/hurt' },
  { host: 'a b' },
  { partition: '--wrap=id' },
  { account: 'a\nb' },
  { time: '1; id' },
  { memory: '$(id)' },
  { remote_dir: 'relative/dir' },
  { remote_dir: '/a\nb' },
  { launcher: 'pbs' },
  { nodes: 3 },
])('a profile slips %j past its schema', (bad) => {
  expect(clusterSchema.safeParse({ launcher: 'slurm', ...bad }).success).toBe(false)
})

it('what a command says on its way to the end is lost, or one that hangs is waited for', async () => {
  const shell = new ClusterShell({ ssh_options: [] })
  await expect(shell.run(['sh', '-c', 'echo one >&2; echo two >&2; exit 4'])).rejects.toMatchObject({
    code: 'service_failed',
    message: 'sh failed: one; two',
  })
  await expect(shell.run(['no-such-command-at-all'])).rejects.toMatchObject({ code: 'service_failed' })
  expect(await shell.run(['printf', '%s', '$(id) `id` \' " \n;'])).toBe('$(id) `id` \' " \n;')
})
