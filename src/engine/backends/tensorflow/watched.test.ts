import { expect, it } from 'vitest'
import { AppError } from '../../../shared/errors'
import { inWords } from './watched'

it('tells a full memory, a lost card and a fault of the program apart', () => {
  const full = new Error(
    'OOM when allocating tensor with shape[68000,1536] and type float on /device:GPU:0 by allocator GPU_0_bfc',
  )
  expect(inWords(full, false)).toMatchObject({
    code: 'out_of_memory',
    message:
      'This machine cannot hold this run: its memory is full, where 0.389 GiB more were wanted ([68000 × 1536] numbers)',
  })
  const lost = new Error('CUDA_ERROR_ILLEGAL_ADDRESS: an illegal memory access was encountered')
  expect(AppError.from(inWords(lost, true)).code).toBe('engine_crashed')
  const other = new Error('Invalid TF_Status: 3')
  expect(inWords(other, true)).toBe(other)
})
