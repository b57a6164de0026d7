import fs from 'node:fs'
import path from 'node:path'
import { expect, it } from 'vitest'
import { loadBackend } from '../backends/tfjs/loadBackend'
import { TfjsExecution } from '../backends/tfjs/tfjsExecution'
import { stepFigures } from '../metrics/figures'
import { experiment } from '../testing/experiment'
import { syntheticDataset } from '../testing/syntheticDataset'
import { sizesOf } from './sizesOf'
import { linearSchema } from './testing/exampleConfig'
import { linear } from './testing/exampleModel'

/** The code of `docs/adding-a-model.md` is that of `testing/example*.ts`, which compiles and runs. */
const guide = fs.readFileSync(path.resolve(import.meta.dirname, '../../../docs/adding-a-model.md'), 'utf8')

it.each(['exampleConfig.ts', 'exampleModel.ts'])('the guide holds %s, but for where its imports come from', (file) => {
  const source = fs.readFileSync(path.join(import.meta.dirname, 'testing', file), 'utf8')
  const withoutImports = (text: string): string => text.replace(/^import .*\n/gm, '').trim()
  const blocks = [...guide.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, block]) => withoutImports(block!))
  expect(blocks).toContain(withoutImports(source))
})

it('every file that the guide sends to exists', () => {
  const here = path.resolve(import.meta.dirname, '../../..')
  const named = [...guide.matchAll(/`(src\/[\w/.]+\.ts)`/g)].map(([, file]) => file!)
  const made = ['src/shared/config/models/linear.ts', 'src/engine/models/linear/reference.ts']
  expect(named.length).toBeGreaterThan(4)
  expect(named.filter((file) => !made.includes(file) && !fs.existsSync(path.join(here, file)))).toEqual([])
})

it('the example learns', async () => {
  const data = syntheticDataset({ users: 5, texts: 40, width: 8, pairs: 200 })
  const { trainer } = experiment('bt', { batch_size: 50 })
  const model = linear(linearSchema.parse({}), sizesOf(data))
  const execution = new TfjsExecution(model, data, trainer, await loadBackend('auto'))
  for (let step = 0; step < 60; step++)
    execution.trainStep(
      Int32Array.from({ length: 50 }, (_, i) => ((step % 4) * 50 + i) % 200),
      { learningRate: 0.05, beta1: 0.9 },
      0,
    )
  const { acc } = stepFigures(await execution.evaluate(data.splits.train))
  execution.dispose()
  expect(acc).toBeGreaterThan(0.85)
})
