import fs from 'node:fs'
import path from 'node:path'
import { expect, it } from 'vitest'
import { dataSectionSchema, type DataConfig } from '../../shared/config/data'
import { MODEL_NAMES } from '../../shared/config/experiment'
import { temporaryFolder } from '../data/dataFixture'
import { runExperiment } from '../runExperiment'
import { StopRequest } from '../stopReason'
import { experiment } from '../testing/experiment'

/** The bundled sample, its smallest split for training. */
function sample(): DataConfig {
  const folder = path.resolve(import.meta.dirname, '../../../resources/data/simpler')
  const file = (name: string): string => path.join(folder, name)
  const split = (name: string): object => ({
    df_file: file(`df_${name}.parquet`),
    text_file: file('texts.json'),
    emb_file: file('emb.npy'),
    bow_file: file('bow.npz'),
  })
  const section = { dts_path: folder, vocab_file: file('vocab.txt'), train: split('dev'), test: split('test') }
  return { ...dataSectionSchema.parse(section), dts_name: 'sample' }
}

it.each(MODEL_NAMES)('%s runs from its files to a tested checkpoint, and its run goes on from there', async (name) => {
  const small = name === 'ntm' ? { words_emb_dim: 8 } : name === 'model2' ? { proj_hidden: 8 } : {}
  const config = (epochs: number): ReturnType<typeof experiment> => ({
    ...experiment(name, { max_epochs: epochs, batch_size: 256 }, small),
    data: sample(),
  })
  const logDir = temporaryFolder()
  const request = { logDir, command: 'delta train', cwd: '/', warnings: [] }
  const once = await runExperiment({ ...request, config: config(1) }, () => {}, new StopRequest())
  expect(once).toMatchObject({ status: 'finished', epochs: 1, leaks: false })
  expect(fs.existsSync(path.join(once.dir, 'checkpoints', 'best.safetensors'))).toBe(true)
  const more = { ...request, config: config(2), resume: once.dir }
  expect(await runExperiment(more, () => {}, new StopRequest())).toMatchObject({ status: 'finished', epochs: 2 })
  const topics = path.join(once.dir, 'topics.jsonl')
  expect(fs.existsSync(topics)).toBe(name === 'ntm')
  if (name === 'ntm') expect(fs.readFileSync(topics, 'utf8').match(/"topics":\[\[/g)).toHaveLength(2)
})
