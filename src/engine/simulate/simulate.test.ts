import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import fc from 'fast-check'
import { load } from 'js-yaml'
import { describe, expect, test } from 'vitest'
import { dataConfigSchema, dataFileSchema, type DataConfig } from '../../shared/config/data'
import { SPLIT_NAMES } from '../../shared/domain/dataset'
import {
  SIMULATION_PRESETS,
  simulationOptionsSchema,
  truthSchema,
  type SimulationOptions,
} from '../../shared/domain/simulation'
import { temporaryFolder } from '../data/dataFixture'
import { readNpy } from '../data/npy'
import { prepareDataset } from '../data/prepare'
import { decodeSafetensors } from '../run/safetensors'
import { pythonWith, runPython } from '../testing/python'
import { judge, type Judgement } from './judgements'
import { simulate } from './simulate'
import { drawWorld, Questions, textOf } from './world'

const small: SimulationOptions = {
  ...SIMULATION_PRESETS.default,
  pairs: 3_000,
  users: 30,
  texts: 600,
  width: 16,
  attributes: 3,
}

const make = (folder: string, options: Partial<SimulationOptions> = {}, signal?: AbortSignal) =>
  simulate({ output: folder, dts_name: 'made', options: { ...small, ...options } }, () => {}, signal)

/** The section that the simulation wrote, as `resolveData` makes it absolute. */
function configOf(folder: string): DataConfig {
  const file = dataFileSchema.parse(load(fs.readFileSync(path.join(folder, 'data_configs.yaml'), 'utf8')))
  const section = file['made']!
  const absolute = (name: string): string => path.resolve(folder, section.dts_path, name)
  const splits = SPLIT_NAMES.flatMap((split) => {
    const files = section[split]
    if (!files) return []
    const { df_file, text_file, emb_file } = files
    return [[split, { df_file: absolute(df_file), text_file: absolute(text_file), emb_file: absolute(emb_file) }]]
  })
  return dataConfigSchema.parse({ ...section, dts_name: 'made', dts_path: folder, ...Object.fromEntries(splits) })
}

const bytesOf = (folder: string): string[] =>
  fs
    .readdirSync(folder)
    .sort()
    .map(
      (name) =>
        `${name} ${createHash('sha256')
          .update(fs.readFileSync(path.join(folder, name)))
          .digest('hex')}`,
    )

describe('a simulated data set', () => {
  test('is one that training refuses', async () => {
    const folder = path.join(temporaryFolder(), 'made')
    const result = await make(folder, { ties: 0.2, drift: 0.5, clusters: 3 })
    const { dataset, report } = await prepareDataset(configOf(folder))
    expect(report.problems.filter(({ severity }) => severity === 'error')).toEqual([])
    expect(report.splits.map(({ split, pairs, users }) => ({ split, pairs, users }))).toEqual(
      result.splits.map(({ split, pairs, users }) => ({ split, pairs, users })),
    )
    expect(result.splits.reduce((sum, { pairs }) => sum + pairs, 0)).toBe(3_000)
    expect(dataset?.width).toBe(16)
  })

  test('differs from one run to the next of the same seed, or not between seeds', async () => {
    const folder = temporaryFolder()
    const [a, b, c] = ['a', 'b', 'c'].map((name) => path.join(folder, name))
    await make(a!)
    await make(b!)
    await make(c!, { seed: 1 })
    expect(bytesOf(b!)).toEqual(bytesOf(a!))
    expect(bytesOf(c!)).not.toEqual(bytesOf(a!))
  })

  test('writes into a folder that holds something, or leaves half a data set when it is stopped', async () => {
    const folder = temporaryFolder()
    fs.writeFileSync(path.join(folder, 'mine.txt'), 'mine')
    await expect(make(folder)).rejects.toMatchObject({ code: 'usage', details: { file: folder } })
    expect(fs.readdirSync(folder)).toEqual(['mine.txt'])
    const target = path.join(folder, 'made')
    await expect(make(target, { pairs: 20_000 }, AbortSignal.abort())).rejects.toMatchObject({ code: 'stopped' })
    expect(fs.readdirSync(folder)).toEqual(['mine.txt'])
  })

  test('writes a truth that is not the one its vectors are made of', async () => {
    const folder = path.join(temporaryFolder(), 'made')
    await make(folder, { width: 400, embedding_noise: 0.5 })
    const about = truthSchema.parse(JSON.parse(fs.readFileSync(path.join(folder, 'truth.json'), 'utf8')))
    const file = path.join(folder, 'truth.safetensors')
    const arrays = new Map(decodeSafetensors(fs.readFileSync(file), file).map((array) => [array.name, array]))
    const { values, rows } = await readNpy(path.join(folder, 'emb.npy'))
    const A = about.options.attributes
    const { values: attributes } = arrays.get('attributes')!
    const { values: directions } = arrays.get('directions')!
    const questions = new Questions(about.options)
    let squares = 0
    let error = 0
    let count = 0
    for (let row = 0; row < rows; row++) {
      const vector = Float32Array.from(values.subarray(row * 400, (row + 1) * 400))
      squares += vector.reduce((sum, value) => sum + value * value, 0)
      if (questions.placeOf(row).place === 0) continue
      for (let a = 0; a < A; a++) {
        // Mᵀ has orthonormal columns, so that M e gives the attribute back, times the scale, plus the noise in it.
        const along = vector.reduce((sum, value, d) => sum + value * directions[a * 400 + d]!, 0)
        error += (along * Math.sqrt(A * 1.25) - attributes[row * A + a]!) ** 2
        count++
      }
    }
    // 600 vectors: a mean of squared lengths within 5 %, and noise of variance x² A / D within 15 %.
    expect(squares / rows).toBeGreaterThan(0.95)
    expect(squares / rows).toBeLessThan(1.05)
    expect(error / count / ((0.25 * A) / 400)).toBeGreaterThan(0.85)
    expect(error / count / ((0.25 * A) / 400)).toBeLessThan(1.15)
  })

  const python = pythonWith('pandas', 'pyarrow', 'numpy', 'safetensors')
  test.skipIf(python === undefined)('cannot be read by pandas, numpy and safetensors', async () => {
    const folder = path.join(temporaryFolder(), 'made')
    const result = await make(folder)
    const script = `
import json, sys, numpy, pandas
from safetensors.numpy import load_file
folder = sys.argv[1]
train = pandas.read_parquet(folder + '/df_train.parquet')
texts = json.load(open(folder + '/texts.json'))
truth = load_file(folder + '/truth.safetensors')
ok = all(texts[i] == t for i, t in zip(train.chosen_emb_idx, train.chosen))
print(json.dumps([len(train), list(train.columns), ok, list(numpy.load(folder + '/emb.npy').shape), {k: list(v.shape) for k, v in truth.items()}]))`
    expect(runPython(python!, script, folder)).toEqual([
      result.splits[0]?.pairs,
      ['u_id', 'id', 'prompt', 'chosen', 'rejected', 'prompt_emb_idx', 'chosen_emb_idx', 'rejected_emb_idx'],
      true,
      [600, 16],
      { users: [30, 3], attributes: [600, 3], directions: [3, 16] },
    ])
  })
})

const judgements = (options: Partial<SimulationOptions>): { all: Judgement[]; world: ReturnType<typeof drawWorld> } => {
  const world = drawWorld({ ...small, ...options })
  return { all: [...judge(world)], world }
}

/** w_u(t)·(g_chosen − g_rejected), computed anew. */
function marginOf(world: ReturnType<typeof drawWorld>, { user, chosen, rejected, time }: Judgement): number {
  const A = world.options.attributes
  return Array.from({ length: A }, (_, a) => {
    const taste = world.users[user * A + a]! + time * (world.drift[user * A + a] ?? 0)
    return taste * (world.attributes[chosen * A + a]! - world.attributes[rejected * A + a]!)
  }).reduce((sum, value) => sum + value, 0)
}

describe('judgements', () => {
  test('are not logistic in the difference of utilities, or a tie is too frequent', () => {
    const [T, nu] = [0.7, 0.8]
    const { all, world } = judgements({ pairs: 40_000, temperature: T, ties: nu, drift: 1 })
    // In ten bins of |d|, the frequency of the better answer among those that are no tie, and that of ties.
    const bins = Array.from({ length: 10 }, () => ({ n: 0, better: 0, ties: 0, wantedBetter: 0, wantedTies: 0 }))
    for (const judgement of all) {
      const d = marginOf(world, judgement) / T
      const bin = bins[Math.min(9, Math.floor(2 * Math.abs(d)))]!
      const total = Math.exp(d / 2) + Math.exp(-d / 2) + nu
      bin.n++
      bin.wantedTies += nu / total
      bin.wantedBetter += Math.exp(Math.abs(d) / 2) / total
      if (judgement.tie) bin.ties++
      else if (d > 0) bin.better++
    }
    for (const { n, better, ties, wantedBetter, wantedTies } of bins) {
      // Five standard deviations of a binomial count: one false alarm in 100,000 runs, and the seed is fixed.
      expect(Math.abs(better - wantedBetter)).toBeLessThan(5 * Math.sqrt(n / 4))
      expect(Math.abs(ties - wantedTies)).toBeLessThan(5 * Math.sqrt(n / 4))
    }
    expect(bins.every(({ n }) => n > 100)).toBe(true)
  })

  test('go against the truth at temperature 0, or the best accuracy is not that of the truth', () => {
    const { all, world } = judgements({ temperature: 0 })
    expect(all.every((judgement) => marginOf(world, judgement) > 0)).toBe(true)
    const noisy = judgements({ pairs: 40_000, temperature: 0.5 })
    const right = noisy.all.filter((judgement) => marginOf(noisy.world, judgement) > 0).length / 40_000
    const best = noisy.all.reduce((sum, { best }) => sum + best, 0) / 40_000
    expect(Math.abs(right - best)).toBeLessThan(0.0125)
  })

  test('give one user more pairs than another, or let training meet the questions of a test', () => {
    const { all, world } = judgements({ unseen: 0.2 })
    const counts = new Map<number, number>()
    const splitsOf = new Map<number, Set<string>>()
    for (const { user, prompt, split } of all) {
      counts.set(user, (counts.get(user) ?? 0) + 1)
      if (split === 'test_unseen') expect(world.unseen[user]).toBe(1)
      else {
        expect(world.unseen[user]).toBe(0)
        splitsOf.set(prompt, (splitsOf.get(prompt) ?? new Set()).add(split))
      }
    }
    expect(new Set(counts.values())).toEqual(new Set([100]))
    expect([...splitsOf.values()].every((splits) => splits.size === 1)).toBe(true)
    expect(world.unseen.reduce((sum, flag) => sum + flag, 0)).toBe(6)
  })

  test('ask about an answer of another question, or about one answer twice', () => {
    const options = fc.record({
      users: fc.integer({ min: 1, max: 9 }),
      answers: fc.integer({ min: 2, max: 7 }),
      texts: fc.integer({ min: 8, max: 60 }),
      seed: fc.integer({ min: 0, max: 1e6 }),
    })
    fc.assert(
      fc.property(options, (drawn) => {
        const { all, world } = judgements({ ...drawn, pairs: 50 })
        const texts = new Set(Array.from({ length: drawn.texts }, (_, row) => textOf(world, row)))
        expect(texts.size).toBe(drawn.texts)
        for (const { prompt, chosen, rejected } of all) {
          const places = [prompt, chosen, rejected].map((row) => world.questions.placeOf(row))
          expect(new Set(places.map(({ question }) => question)).size).toBe(1)
          expect(places[0]!.place).toBe(0)
          expect(chosen).not.toBe(rejected)
          expect(Math.min(places[1]!.place, places[2]!.place)).toBeGreaterThan(0)
          expect(Math.max(chosen, rejected)).toBeLessThan(drawn.texts)
        }
      }),
      { numRuns: 100 },
    )
  })
})

test('like-minded people are no more alike than others', () => {
  const world = drawWorld({ ...small, users: 400, clusters: 4, spread: 0.2, attributes: 8, width: 16 })
  const cosine = (a: number, b: number): number => {
    const [x, y] = [a, b].map((user) => Array.from(world.users.subarray(user * 8, user * 8 + 8)))
    const dot = (p: number[], q: number[]): number => p.reduce((sum, value, i) => sum + value * q[i]!, 0)
    return dot(x!, y!) / Math.sqrt(dot(x!, x!) * dot(y!, y!))
  }
  const means = { same: [0, 0], other: [0, 0] } as Record<'same' | 'other', [number, number]>
  for (let a = 0; a < 100; a++)
    for (let b = a + 1; b < 100; b++) {
      const entry = means[world.clusters[a] === world.clusters[b] ? 'same' : 'other']
      entry[0] += cosine(a, b)
      entry[1]++
    }
  // 1 − spread = 0.8 of a user's variance is the group's.
  expect(means.same[0] / means.same[1]).toBeGreaterThan(0.6)
  expect(means.other[0] / means.other[1]).toBeLessThan(0.5)
})

test.for<[string, object]>([
  ['more attributes than numbers in a vector', { attributes: 8, width: 4 }],
  ['too few texts for a question', { texts: 3, answers: 4 }],
  ['nothing left to train on', { dev: 0.6, test: 0.4 }],
  ['more pairs than are promised', { pairs: 1_000_001 }],
  ['a negative temperature', { temperature: -1 }],
])('%s passes', ([, options]) => {
  expect(simulationOptionsSchema.safeParse({ ...small, ...options }).success).toBe(false)
})
