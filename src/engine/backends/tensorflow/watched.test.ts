import { expect, it } from 'vitest'
import { AppError } from '../../../shared/errors'
import type { Binding } from './nodeBackend'
import { inWords, watched } from './watched'

it('tells a full memory, a lost card and a fault of the program apart', () => {
  const full = new Error(
    'OOM when allocating tensor with shape[68000,1536] and type float on /device:GPU:0 by allocator GPU_0_bfc',
  )
  expect(inWords(full, false)).toMatchObject({
    code: 'out_of_memory',
    message:
      'This machine cannot hold this run: its memory is full, where 0.389 GiB more were wanted ([68000 × 1536] numbers)',
  })
  expect(inWords(full, false)).toMatchObject({ details: { fix: expect.stringContaining('trainer.table_streaming') } })
  const lost = new Error('CUDA_ERROR_ILLEGAL_ADDRESS: an illegal memory access was encountered')
  expect(AppError.from(inWords(lost, true)).code).toBe('engine_crashed')
  const other = new Error('Invalid TF_Status: 3')
  expect(inWords(other, true)).toBe(other)
})

it('says so wherever it happens: as a table is sent, as an operation runs, as a result is read', () => {
  const fail = (): never => {
    throw new Error('OOM when allocating tensor with shape[8,8]')
  }
  const bare: Binding = {
    TF_Version: '2.21.0',
    TF_FLOAT: 1,
    TF_INT32: 3,
    TF_ATTR_TYPE: 0,
    TF_ATTR_INT: 1,
    createTensor: fail,
    executeOp: fail,
    tensorDataSync: fail,
    deleteTensor() {},
  }
  const binding = watched(bare, { onCard: false })
  const calls = [
    () => binding.createTensor([8, 8], 1, new Float32Array(64)),
    () => binding.executeOp('Add', [], [0, 1], 1),
    () => binding.tensorDataSync(0),
  ]
  for (const call of calls) expect(call).toThrow('This machine cannot hold this run')
})
