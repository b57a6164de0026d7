import { closeSync, openSync, writeSync } from 'node:fs'
import path from 'node:path'
import { parquetWriteFile } from 'hyparquet-writer'
import { writeFileSync } from 'node:fs'

/** A data set to be generated: sizes only, everything else follows from the seed. */
export interface SyntheticSize {
  pairs: number
  prompts: number
  answers: number
  /** Width of the vectors. */
  width: number
  users: number
}

const SEED = 20_240_424
/** Every user weighs two hidden traits of an answer; the weights decide most pairs, noise the rest. */
const TRAITS = 2
const NOISE_SD = 0.5
const CHUNK_ROWS = 1024

/**
 * Writes `emb.npy` [prompts + answers, width] float32 of about unit norm, `texts.json` and `train.parquet`. The same size gives the same
 * bytes. Answers are dealt out in turn, so that with two answers a pair each stands in exactly one: no two texts of a
 * batch coincide, the hardest case for whoever projects each distinct text once.
 */
export function generate(folder: string, size: SyntheticSize): void {
  const random = generator(SEED)
  const traits = writeVectors(path.join(folder, 'emb.npy'), size, random)
  const name = (text: number): string => (text < size.prompts ? `prompt ${text}` : `answer ${text - size.prompts}`)
  const texts = Array.from({ length: size.prompts + size.answers }, (_, text) => name(text))
  writeFileSync(path.join(folder, 'texts.json'), JSON.stringify(texts))

  const tastes = Float64Array.from({ length: size.users * TRAITS }, () => normal(random))
  const columns = {
    u_id: new Int32Array(size.pairs),
    prompt_emb_idx: new Int32Array(size.pairs),
    chosen_emb_idx: new Int32Array(size.pairs),
    rejected_emb_idx: new Int32Array(size.pairs),
  }
  for (let pair = 0; pair < size.pairs; pair++) {
    const user = pair % size.users
    // A second round over the answers pairs them otherwise than the first.
    const round = Math.floor((2 * pair) / size.answers)
    const first = (2 * pair) % size.answers
    const a = size.prompts + first
    const b = size.prompts + ((first + 1 + 2 * round) % size.answers)
    let margin = NOISE_SD * normal(random)
    for (let k = 0; k < TRAITS; k++)
      margin += tastes[user * TRAITS + k]! * (traits[a * TRAITS + k]! - traits[b * TRAITS + k]!)
    columns.u_id[pair] = user
    columns.prompt_emb_idx[pair] = Math.floor(random() * size.prompts)
    columns.chosen_emb_idx[pair] = margin > 0 ? a : b
    columns.rejected_emb_idx[pair] = margin > 0 ? b : a
  }
  const column = (index: Int32Array): string[] => Array.from(index, (text) => name(text))
  parquetWriteFile({
    filename: path.join(folder, 'train.parquet'),
    columnData: [
      ...Object.entries(columns).map(([key, data]) => ({ name: key, data, type: 'INT32' as const })),
      { name: 'prompt', data: column(columns.prompt_emb_idx), type: 'STRING' },
      { name: 'chosen', data: column(columns.chosen_emb_idx), type: 'STRING' },
      { name: 'rejected', data: column(columns.rejected_emb_idx), type: 'STRING' },
    ],
  })
}

/** Vectors of about unit norm, piece by piece; returns what their first entries hide, scaled to about unit variance. */
function writeVectors(file: string, { prompts, answers, width }: SyntheticSize, random: () => number): Float64Array {
  const texts = prompts + answers
  const traits = new Float64Array(texts * TRAITS)
  // Uniform in ±sqrt(3 / width): variance 1 / width.
  const bound = Math.sqrt(3 / width)
  const out = openSync(file, 'w')
  try {
    writeSync(out, header(texts, width))
    for (let from = 0; from < texts; from += CHUNK_ROWS) {
      const rows = Math.min(CHUNK_ROWS, texts - from)
      const values = new Float32Array(rows * width)
      for (let i = 0; i < values.length; i++) values[i] = (2 * random() - 1) * bound
      for (let row = 0; row < rows; row++)
        for (let k = 0; k < TRAITS; k++)
          traits[(from + row) * TRAITS + k] = values[row * width + (k % width)]! * Math.sqrt(width)
      writeSync(out, new Uint8Array(values.buffer))
    }
  } finally {
    closeSync(out)
  }
  return traits
}

/** A .npy header, format 1.0, padded to 64 bytes as NumPy does. */
function header(rows: number, width: number): Uint8Array {
  const PREFIX = 10
  const ALIGN = 64
  const text = `{'descr': '<f4', 'fortran_order': False, 'shape': (${rows}, ${width}), }`
  const length = Math.ceil((PREFIX + text.length + 1) / ALIGN) * ALIGN - PREFIX
  const prefix = Buffer.from([0x93, ...Buffer.from('NUMPY'), 1, 0, length & 0xff, length >> 8])
  return Buffer.concat([prefix, Buffer.from(`${text.padEnd(length - 1)}\n`, 'latin1')])
}

/** xorshift32 (Marsaglia 2003): uniform in (0, 1), fast enough for a hundred million numbers. */
function generator(seed: number): () => number {
  let state = seed
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
}

/** Box–Muller. */
function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(random())) * Math.cos(2 * Math.PI * random())
}
