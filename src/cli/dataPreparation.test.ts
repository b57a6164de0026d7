import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { parquetReadObjects } from 'hyparquet'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { HURTFUL, place as placeHurtful } from '../../fuzz/hurtful'
import { sayJson, startEmbeddingServer, vectorOf, type EmbeddingServer } from '../core/embed/testServer'
import { buildCli } from '../core/testing/workspace'
import { start, type Finished, type Running } from './testing/builtCli'

/** The built program, as docs/data-preparation.md runs it, on a small slice of data of SimplER's shape. */
const KEY = 'sk-5ecret-k3y'
/** Starting an engine takes a second where others are at work. */

beforeAll(() => buildCli())

const PERSONAS = ['user_vegan', 'user_meat', 'user_fast']
const FOODS = ['lentil stew', 'roast beef', 'a burger']

/** Questions whose every pair of answers each persona judges after its own taste. */
function rawPairs(questions: number): object[] {
  return Array.from({ length: questions }, (_, q) => {
    const answers = FOODS.map((food) => `Have ${food} with side dish number ${q}.`)
    return PERSONAS.flatMap((persona, p) =>
      [1, 2].map((step) => ({
        qid: `q${q}`,
        id: `q${q}_${p}_${step}`,
        topic: q % 2 === 0 ? 'lunch' : 'dinner',
        prompt: `What shall I eat on day ${q}?`,
        chosen: answers[p],
        rejected: answers[(p + step) % 3],
        persona_chosen: persona,
        diet: persona === 'user_vegan' ? 'vegan' : p === 1 ? 'meat' : null,
        age: 20 + 10 * p,
      })),
    )
  }).flat()
}

interface Place {
  folder: string
  run: (args: string, env?: NodeJS.ProcessEnv) => Promise<Finished>
  begin: (args: string, env?: NodeJS.ProcessEnv) => Running
}

function place(questions: number): Place {
  const folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'delta-prep-')))
  onTestFinished(() => fs.rmSync(folder, { recursive: true, force: true }))
  fs.writeFileSync(
    path.join(folder, 'raw.jsonl'),
    rawPairs(questions)
      .map((row) => `${JSON.stringify(row)}\n`)
      .join(''),
  )
  const begin: Place['begin'] = (args, env = {}) =>
    start(folder, args.split(' '), { XDG_CACHE_HOME: path.join(folder, 'cache'), EMBED_KEY: KEY, ...env })
  return { folder, begin, run: (args, env) => begin(args, env).done }
}

/** The last line of `--json`, of a command that must have gone well. */
function resultOf({ code, lines, stderr }: Finished): Record<string, unknown> {
  expect({ code, stderr }).toMatchObject({ code: 0 })
  expect(lines.at(-1)).toMatchObject({ type: 'result' })
  return lines.at(-1)!
}

async function predictions(file: string): Promise<Record<string, unknown>[]> {
  const bytes = fs.readFileSync(file)
  return parquetReadObjects({ file: Uint8Array.from(bytes).buffer })
}

const SPLIT = 'data split --input raw.jsonl --by qid --stratify topic --user persona_chosen --output mine --json'
const CONFIG = '--dts_config_file mine/data_configs.yaml'

describe('from raw pairs to a trained run', () => {
  it('goes by commands alone: split, features, embed, bow, validate, train, predict', async () => {
    const { folder, run } = place(8)
    expect(resultOf(await run(`${SPLIT} --test 0.25 --dev 0.125`))).toMatchObject({
      rows: 48,
      splits: [
        { split: 'train', pairs: 30 },
        { split: 'dev', pairs: 6 },
        { split: 'test', pairs: 12 },
      ],
      dropped: [],
    })
    resultOf(await run(`data features ${CONFIG} --one_hot diet --scale age --json`))
    expect(resultOf(await run(`data embed ${CONFIG} --json`))).toMatchObject({
      status: 'finished',
      embedded: 32,
      embedder: { provider: 'minilm', model: 'all-MiniLM-L6-v2', dim: 384, normalized: true },
    })
    expect(resultOf(await run(`data embed ${CONFIG} --json`))).toMatchObject({
      embedded: 0,
      estimate: { cached: 32 },
    })
    resultOf(await run(`data bow ${CONFIG} --min_df 1 --json`))
    expect(resultOf(await run(`data validate ${CONFIG} --json`))).toMatchObject({
      valid: true,
      problems: [],
      splits: [{ width: 384, featureColumns: ['diet__meat', 'diet__vegan', 'diet__missing', 'age__scaled'] }, {}, {}],
    })
    const train = `train --dts_name mine ${CONFIG} --max_epochs 40 --learning_rate 0.05 --json`
    const trained = resultOf(await run(`${train} --features all`))
    expect(trained).toMatchObject({ status: 'finished', test_acc: expect.any(Number) })
    // Ignoring the user, nobody does better than half.
    expect(trained['test_acc']).toBeGreaterThan(0.7)
    resultOf(await run(`${train} --model_name ntm --max_epochs 1 --set ntm.words_emb_dim=8`))

    const checkpoint = JSON.parse(
      fs.readFileSync(path.join(folder, 'lightning_logs/default_exp/v0/checkpoints/best.json'), 'utf8'),
    )
    expect(checkpoint.embedder).toEqual({ provider: 'minilm', model: 'all-MiniLM-L6-v2', dim: 384, normalized: true })
    fs.renameSync(path.join(folder, 'mine'), path.join(folder, 'moved'))
    const own = await predictions(path.join(folder, 'lightning_logs/default_exp/v0/predictions/test.parquet'))
    const test = await predictions(path.join(folder, 'moved/df_test.parquet'))
    const raw = test.map(({ u_id, id, prompt, chosen, rejected, ...rest }) => ({
      u_id,
      id,
      prompt,
      chosen,
      rejected,
      ...Object.fromEntries(
        Object.entries(rest)
          .filter(([name]) => /^(diet|age)__/.test(name))
          .map(([n, v]) => [n, Number(v)]),
      ),
    }))
    fs.writeFileSync(path.join(folder, 'new.jsonl'), raw.map((row) => `${JSON.stringify(row)}\n`).join(''))
    const predicted = resultOf(await run('predict default_exp/v0 --input new.jsonl --output new.parquet --json'))
    expect(predicted).toMatchObject({ pairs: 12, known_users: 3, new_users: 0, leaks: false })
    expect(predicted['acc']).toBeCloseTo(Number(trained['test_acc']), 12)
    const again = await predictions(path.join(folder, 'new.parquet'))
    expect(again.map(({ u_id, id }) => [u_id, id])).toEqual(own.map(({ u_id, id }) => [u_id, id]))
    for (const [i, { z }] of again.entries()) expect(Number(z)).toBeCloseTo(Number(own[i]!['z']), 5)
  })

  it('stats, preview and dedupe end with one result', async () => {
    const { run, folder } = place(6)
    expect(resultOf(await run('data stats --input raw.jsonl --user persona_chosen --json'))).toMatchObject({
      splits: [{ pairs: 36, users: 3, reversed: 1, userBlindCeiling: 0.5 }],
    })
    expect(resultOf(await run('data preview --input raw.jsonl --rows 2 --json'))).toMatchObject({ totalRows: 36 })
    fs.appendFileSync(path.join(folder, 'raw.jsonl'), fs.readFileSync(path.join(folder, 'raw.jsonl')))
    const dedupe = 'data dedupe --input raw.jsonl --output once.parquet --user persona_chosen --json'
    expect(resultOf(await run(dedupe))).toMatchObject({ rows: 72, kept: 36, duplicates: 36, conflictingRows: 0 })
    expect(fs.readFileSync(path.join(folder, 'once.parquet.dropped.jsonl'), 'utf8').split('\n')).toHaveLength(37)
    const refused = await run('data split --input raw.jsonl --by qidd --output x --json')
    expect(refused.code).toBe(2)
    // Reading that takes longer than usual says how far it is.
    const said = refused.lines.filter(({ type }) => type !== 'progress')
    expect(said).toMatchObject([{ type: 'error', code: 'config_invalid' }])
  })
})

describe('embedding by a service', () => {
  const service = (server: EmbeddingServer): string =>
    `data embed ${CONFIG} --provider openai --model m --url ${server.url} --key_env EMBED_KEY --batch 4 --concurrency 1 --json`

  it('pays for no text twice when it is killed, and shows its key nowhere', async () => {
    const { folder, run, begin } = place(8)
    resultOf(await run(SPLIT))
    let killed: Running | undefined
    const server = await startEmbeddingServer((response, texts, attempt) => {
      if (attempt === 4 && killed) return void process.kill(-killed.child.pid!, 'SIGKILL')
      sayJson(response, { data: texts.map((text, index) => ({ index, embedding: vectorOf(text) })) })
    })
    killed = begin(service(server))
    expect(await killed.done).toMatchObject({ signal: 'SIGKILL' })
    killed = undefined
    const before = new Set(server.requests.slice(0, 3).flatMap(({ texts }) => texts))
    const asked = server.requests.length
    const finished = await run(`${service(server)} --price 0.02`)
    expect(resultOf(finished)).toMatchObject({
      status: 'finished',
      embedded: 32 - before.size,
      estimate: { cached: 12 },
    })
    expect(finished.lines.find(({ type }) => type === 'estimate')).toMatchObject({ cost: expect.any(Number) })
    const after = server.requests.slice(asked).flatMap(({ texts }) => texts)
    expect(after.filter((text) => before.has(text))).toEqual([])
    expect(new Set(after).size).toBe(after.length)
    expect(spawnSync('grep', ['-rl', KEY, folder], { encoding: 'utf8' }).stdout).toBe('')
    expect(fs.readFileSync(path.join(folder, 'mine/data_configs.yaml'), 'utf8')).toContain(
      'embedder: {provider: openai, model: m, dim: 4, normalized: true}',
    )
  })

  it('stops at Ctrl-C with what was paid for, and goes on from there', async () => {
    const { run, begin } = place(8)
    resultOf(await run(SPLIT))
    let running: Running | undefined
    const server = await startEmbeddingServer((response, texts, attempt) => {
      if (attempt === 3) running?.child.kill('SIGINT')
      sayJson(response, { data: texts.map((text, index) => ({ index, embedding: vectorOf(text) })) })
    })
    running = begin(service(server))
    const stopped = await running.done
    running = undefined
    expect(stopped).toMatchObject({ code: 130, signal: null })
    const { embedded } = stopped.lines.at(-1)!
    // The third batch was on its way, and a fourth may have left before the signal came.
    expect(stopped.lines.at(-1)).toMatchObject({ type: 'result', status: 'stopped' })
    expect(embedded).toBe(4 * server.requests.length)
    const finished = resultOf(await run(service(server)))
    expect(finished).toMatchObject({ embedded: 32 - Number(embedded), estimate: { cached: embedded } })
    const asked = server.requests.flatMap(({ texts }) => texts)
    expect(asked).toHaveLength(32)
    expect(new Set(asked).size).toBe(32)
  })

  it('overwrites vectors of which nobody has said what made them', async () => {
    const { run, folder } = place(8)
    resultOf(await run(SPLIT))
    const server = await startEmbeddingServer()
    const vectors = path.join(folder, 'mine', 'emb.npy')
    fs.writeFileSync(vectors, 'made elsewhere')
    expect(await run(service(server))).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/emb\.npy[^]*--replace/),
    })
    expect(server.requests).toEqual([])
    expect(fs.readFileSync(vectors, 'utf8')).toBe('made elsewhere')
    expect(resultOf(await run(`${service(server)} --dry_run`))).toMatchObject({ status: 'estimated' })
    expect(resultOf(await run(`${service(server)} --replace`))).toMatchObject({ status: 'finished', embedded: 32 })
  })

  it('refuses other vectors for a data set, and for a run', async () => {
    const { run, folder } = place(8)
    const width = { value: 4 }
    const server = await startEmbeddingServer((response, texts) =>
      sayJson(response, { data: texts.map((text, index) => ({ index, embedding: vectorOf(text, width.value) })) }),
    )
    resultOf(await run(SPLIT))
    resultOf(await run(service(server)))
    expect(await run(`data embed ${CONFIG} --json`)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('openai m already'),
    })
    resultOf(await run(`train --dts_name mine ${CONFIG} --max_epochs 1 --json`))
    width.value = 6
    fs.rmSync(path.join(folder, 'cache'), { recursive: true })
    const predict = `predict default_exp/v0 --input raw.jsonl --output p.csv --url ${server.url} --key_env EMBED_KEY --json`
    fs.writeFileSync(
      path.join(folder, 'raw.jsonl'),
      fs.readFileSync(path.join(folder, 'raw.jsonl'), 'utf8').replaceAll('persona_chosen', 'u_id'),
    )
    expect(await run(predict)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('4 numbers a text of openai m'),
    })
    width.value = 4
    fs.rmSync(path.join(folder, 'cache'), { recursive: true })
    expect(resultOf(await run(predict))).toMatchObject({ pairs: 48, known_users: 3 })
    expect(fs.readFileSync(path.join(folder, 'p.csv'), 'utf8').split('\n')[0]).toBe('u_id,id,z,p')
    // Files that hurt: none is waited for, and each is named as the person knows it.
    const kinds = /^UTF-16 with its mark, JSON$|a pipe|a folder$|a link to itself|NULs/
    const hurtfuls = HURTFUL.filter(({ name }) => kinds.test(name))
    expect(hurtfuls.length).toBeGreaterThanOrEqual(5)
    for (const hurtful of hurtfuls) {
      const hurt = fs.mkdtempSync(path.join(folder, 'hurt-'))
      placeHurtful(hurtful, path.join(hurt, 'bad.jsonl'), fs.mkdtempSync(path.join(folder, 'made-')))
      const input = path.join(path.basename(hurt), 'bad.jsonl')
      const said = await run(predict.replace('raw.jsonl', input))
      expect({ hurtful: hurtful.name, ...said }).toMatchObject({ code: 2, stderr: expect.stringContaining(input) })
      expect(said.stderr).not.toMatch(/delta-predict-|:\d+:\d+\)?$|internal|undefined/m)
    }
    // Text that no record can embed.
    const hparams = path.join(folder, 'lightning_logs/default_exp/v0/hparams.yaml')
    const lines = fs.readFileSync(hparams, 'utf8').replace(/^ {2}embedder:\n(?: {4}.*\n)+/m, '')
    fs.writeFileSync(hparams, lines)
    expect(await run(predict)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('does not say what made its vectors'),
    })
  })

  it('fails with what the service said, keeps what came, and names the key nowhere', async () => {
    const { run } = place(8)
    resultOf(await run(SPLIT))
    const server = await startEmbeddingServer((response, texts, attempt) => {
      if (attempt > 2) return void response.writeHead(401).end(`bad key ${KEY}`)
      sayJson(response, { data: texts.map((text, index) => ({ index, embedding: vectorOf(text) })) })
    })
    const failed = await run(service(server))
    expect(failed).toMatchObject({ code: 3, stderr: expect.stringMatching(/401.*\[key\][^]*8 of 32 vectors are in/) })
    expect(failed.stdout + failed.stderr).not.toContain(KEY)
  })
})
