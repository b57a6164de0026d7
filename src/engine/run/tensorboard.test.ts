import { readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { temporaryFolder } from '../data/dataFixture'
import { pythonWith, runPython } from '../testing/python'
import { maskedCrc32c } from '../../shared/crc32c'
import { EventFile } from './tensorboard'

const NOW = 1_700_000_000_500

/** A file with two epochs and their parameters, and the events in it. */
function write(): { folder: string; file: string } {
  const folder = temporaryFolder()
  const events = new EventFile(folder, NOW)
  const hparams = { model_name: 'caimira', 'trainer.learning_rate': 2e-3, 'trainer.seed': 0, flag: true, ünï: 'ö' }
  events.hparams(hparams, ['val_loss', 'test_acc'], NOW)
  events.scalars({ epoch: 0, step: 15, time: NOW, values: { train_loss: 0.6931, val_acc: 0.5 } })
  events.scalars({ epoch: 1, step: 31, time: NOW + 1000, values: { train_loss: 0.5, val_acc: 1, lr: 1e-7 } })
  events.scalars({ epoch: 2, step: 2 ** 40, time: NOW + 2000, values: { test_loss: Infinity, test_acc: NaN } })
  events.end(true, NOW + 3000)
  events.close()
  return { folder, file: events.file }
}

test('a record cannot be told from a damaged one: length and checksums', () => {
  const bytes = readFileSync(write().file)
  let at = 0
  let records = 0
  for (; at < bytes.length; records++) {
    const length = Number(bytes.readBigUInt64LE(at))
    expect(bytes.readUInt32LE(at + 8)).toBe(maskedCrc32c(bytes.subarray(at, at + 8)))
    const payload = bytes.subarray(at + 12, at + 12 + length)
    expect(bytes.readUInt32LE(at + 12 + length)).toBe(maskedCrc32c(payload))
    at += 16 + length
  }
  expect([at, records]).toEqual([bytes.length, 7])
})

test('TensorBoard does not look at the file: its name', () => {
  expect(path.basename(write().file)).toMatch(/^events\.out\.tfevents\.1700000000\./)
})

test('a folder that cannot be written is no AppError', () => {
  expect(() => new EventFile(path.join(temporaryFolder(), 'missing'))).toThrow(
    expect.objectContaining({ code: 'unwritable' }),
  )
})

const python = pythonWith('tensorboard')
const READ = `
import json, sys
from tensorboard.backend.event_processing import event_accumulator
from tensorboard.plugins.hparams import metadata
a = event_accumulator.EventAccumulator(sys.argv[1], size_guidance={event_accumulator.SCALARS: 0})
a.Reload()
scalars = {t: [[e.step, e.wall_time, repr(e.value)] for e in a.Scalars(t)] for t in a.Tags()["scalars"]}
content = a.PluginTagToContent("hparams")
experiment = metadata.parse_experiment_plugin_data(content["_hparams_/experiment"])
start = metadata.parse_session_start_info_plugin_data(content["_hparams_/session_start_info"])
end = metadata.parse_session_end_info_plugin_data(content["_hparams_/session_end_info"])
kinds = {"string_value": str, "number_value": float, "bool_value": bool}
print(json.dumps({
  "scalars": scalars,
  "infos": {i.name: i.type for i in experiment.hparam_infos},
  "metrics": [m.name.tag for m in experiment.metric_infos],
  "created": experiment.time_created_secs,
  "hparams": {k: getattr(v, v.WhichOneof("kind")) for k, v in start.hparams.items()},
  "start": start.start_time_secs, "status": end.status, "end": end.end_time_secs,
}))`

describe.skipIf(!python)(
  'read by TensorBoard (skipped without it: set DELTA_PYTHON to a Python that has tensorboard)',
  () => {
    test('names, steps, times, values or hyperparameters differ', () => {
      const f32 = Math.fround
      const read = runPython(python!, READ, write().folder)
      expect(read).toMatchObject({
        infos: { model_name: 1, 'trainer.learning_rate': 3, 'trainer.seed': 3, flag: 2, ünï: 1 },
        metrics: ['val_loss', 'test_acc'],
        created: NOW / 1000,
        hparams: { model_name: 'caimira', 'trainer.learning_rate': 2e-3, 'trainer.seed': 0, flag: true, ünï: 'ö' },
        start: NOW / 1000,
        status: 1,
        end: NOW / 1000 + 3,
      })
      const { scalars } = read as { scalars: Record<string, [number, number, string][]> }
      expect(Object.keys(scalars).sort()).toEqual(['lr', 'test_acc', 'test_loss', 'train_loss', 'val_acc'])
      expect(scalars['train_loss']!.map(([step, time, value]) => [step, time, Number(value)])).toEqual([
        [15, NOW / 1000, f32(0.6931)],
        [31, NOW / 1000 + 1, 0.5],
      ])
      expect(scalars['lr']!.map(([step, , value]) => [step, Number(value)])).toEqual([[31, f32(1e-7)]])
      expect([scalars['test_loss'], scalars['test_acc']].map((points) => points![0])).toEqual([
        [2 ** 40, NOW / 1000 + 2, 'inf'],
        [2 ** 40, NOW / 1000 + 2, 'nan'],
      ])
    })
  },
)
