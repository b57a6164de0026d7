import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { graphicsCard, leftAlone, watchCard } from './device'
import { inWords } from './watched'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'delta-card-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

/** A program of that name first on the PATH, as the driver's would be. */
function driver(script: string): NodeJS.ProcessEnv {
  const file = path.join(folder, 'nvidia-smi')
  writeFileSync(file, `#!/bin/sh\n${script}\n`)
  chmodSync(file, 0o755)
  return { PATH: `${folder}:${process.env['PATH']}` }
}

it('reads name and memory of the card that CUDA would take', () => {
  const env = driver('echo "$@" | grep -q -- "--id 2" && echo "NVIDIA H100 80GB HBM3, 81559, 80994"')
  expect(graphicsCard({ ...env, CUDA_VISIBLE_DEVICES: '2,3' })).toEqual({
    name: 'NVIDIA H100 80GB HBM3',
    memory: 81559,
    free: 80994,
  })
  expect(graphicsCard(env), 'the first card has no such number').toBeUndefined()
  const any = driver('echo "NVIDIA H100 80GB HBM3, 81559, 80994"')
  for (const hidden of ['', '-1']) expect(graphicsCard({ ...any, CUDA_VISIBLE_DEVICES: hidden })).toBeUndefined()
  expect(graphicsCard({ PATH: folder + path.sep + 'nothing' })).toBeUndefined()
})

it('an engine is told to leave alone less of a card than its limit asks for, or more than is free', () => {
  const card = { name: 'NVIDIA T4', memory: 15360, free: 12000 }
  expect(leftAlone(card, 4)).toBe('7904')
  expect(leftAlone(card, 0.5)).toBe('11488')
  expect(leftAlone(card, 16)).toBe('0')
})

it('a table that a card cannot hold ends a run without a word of how much it could', () => {
  const said = new Error('OOM when allocating tensor with shape[1000000,768] and type float on /device:GPU:0')
  const before = process.env['PATH']
  process.env['PATH'] = driver('echo "NVIDIA T4, 15360, 1024"').PATH
  try {
    expect(inWords(said, true)).toMatchObject({
      code: 'out_of_memory',
      message:
        'The graphics card cannot hold this run: 1.0 of 15.0 GiB are free, where 2.86 GiB more were wanted ([1000000 × 768] numbers); some 314572 rows of 768 would fit',
    })
  } finally {
    process.env['PATH'] = before
  }
})

it('follows a card while it answers, and ends with the run', async () => {
  const ended = path.join(folder, 'ended')
  const env = driver(`trap 'touch ${ended}; exit 0' TERM
echo "[N/A], 500, 81559, 40"
echo "87, 1024, 81559, 61"
while true; do sleep 0.05; done`)
  const watch = watchCard(env)
  expect(watch.latest()).toBeUndefined()
  await expect
    .poll(() => watch.latest())
    .toEqual({
      utilisation: 87,
      memoryBytes: 2 ** 30,
      memoryTotalBytes: 81559 * 2 ** 20,
      temperature: 61,
    })
  watch.stop()
  await expect.poll(() => existsSync(ended)).toBe(true)
})

it('a machine without the driver is no error', async () => {
  const watch = watchCard({ PATH: path.join(folder, 'nothing') })
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(watch.latest()).toBeUndefined()
  watch.stop()
})
