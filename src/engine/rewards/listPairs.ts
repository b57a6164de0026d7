import type { DataConfig } from '../../shared/config/data'
import { SPLIT_NAMES } from '../../shared/domain/dataset'
import type { SplitAnswers, TextChunk } from '../../shared/domain/scoring'
import { dataInvalid } from '../data/loadDataset'
import { ProblemLog } from '../data/problems'
import { PairRegistry, UserRegistry } from '../data/registry'
import { readSplit, type PassState } from '../data/splitReader'
import { TextTable } from '../data/textTable'
import { readTexts } from '../data/texts'
import { RowPairMap } from './rowPairMap'

/** Characters of texts that travel in one chunk. */
const CHUNK_CHARACTERS = 1 << 20

/**
 * Every distinct (prompt, answer) pair of every split, as rows of the split's `text_file` in order of appearance; the
 * texts that they use go to `onTexts`. Embeddings are not needed and not read.
 *
 * @throws AppError `data_invalid` with all errors of the pairs, `not_found`, `unreadable`, `stopped`
 */
export async function listPairs(
  data: DataConfig,
  onTexts: (chunk: TextChunk) => void,
  signal?: AbortSignal,
): Promise<SplitAnswers[]> {
  const problems = new ProblemLog()
  const state: PassState = {
    problems,
    users: new UserRegistry(),
    pairs: new PairRegistry(),
    prefixes: [],
    selectFeatures: () => [],
    keep: true,
    signal,
  }
  const tables = new Map<string, TextTable>()
  const used = new Map<string, Uint8Array>()
  const splits: SplitAnswers[] = []
  for (const split of SPLIT_NAMES) {
    const files = data[split]
    if (!files) continue
    const { text_file } = files
    const texts = tables.get(text_file) ?? (await TextTable.read(text_file, { signal }))
    tables.set(text_file, texts)
    const { pieces } = await readSplit(split, files, { texts, vectors: null }, state)
    // A row that is unusable has been reported; its indices are no rows.
    if (problems.hasErrors) continue
    const marks = used.get(text_file) ?? new Uint8Array(texts.rows)
    used.set(text_file, marks)
    const seen = new RowPairMap()
    const prompts: number[] = []
    const answers: number[] = []
    for (const { texts: columns } of pieces) {
      for (const [row, prompt] of columns.prompt.entries()) {
        for (const answer of [columns.chosen[row]!, columns.rejected[row]!]) {
          if (seen.add(prompt, answer, 0) !== undefined) continue
          marks[prompt] = marks[answer] = 1
          prompts.push(prompt)
          answers.push(answer)
        }
      }
    }
    splits.push({ split, textFile: text_file, prompts: Int32Array.from(prompts), answers: Int32Array.from(answers) })
  }
  if (problems.hasErrors) throw dataInvalid(data.dts_name, problems.list())
  for (const [file, marks] of used) await sendTexts(file, marks, onTexts, signal)
  return splits
}

async function sendTexts(
  file: string,
  marks: Uint8Array,
  onTexts: (chunk: TextChunk) => void,
  signal?: AbortSignal,
): Promise<void> {
  const chunks = new TextChunks(file, onTexts)
  await readTexts(file, (text, row) => marks[row] === 1 && chunks.add(text, row), { signal })
  chunks.flush()
}

/** Gathers texts of one file into chunks that are worth a frame. */
export class TextChunks {
  readonly #file: string
  readonly #send: (chunk: TextChunk) => void
  #chunk: TextChunk
  #characters = 0

  constructor(file: string, send: (chunk: TextChunk) => void) {
    this.#file = file
    this.#send = send
    this.#chunk = { file, rows: [], texts: [] }
  }

  add(text: string, row: number): void {
    this.#chunk.rows.push(row)
    this.#chunk.texts.push(text)
    this.#characters += text.length
    if (this.#characters >= CHUNK_CHARACTERS) this.flush()
  }

  flush(): void {
    if (this.#chunk.rows.length > 0) this.#send(this.#chunk)
    this.#chunk = { file: this.#file, rows: [], texts: [] }
    this.#characters = 0
  }
}
