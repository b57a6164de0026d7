import { z } from 'zod'
import { SPLIT_NAMES } from './dataset'

/** Texts of one `text_file` that are to be scored; `texts[i]` is its row `rows[i]`. */
export const textChunkSchema = z.object({
  file: z.string(),
  rows: z.array(z.int()),
  texts: z.array(z.string()),
})
export type TextChunk = z.infer<typeof textChunkSchema>

/** The distinct (prompt, answer) pairs of one split: rows of its `text_file`, both arrays equally long. */
export const splitAnswersSchema = z.object({
  split: z.enum(SPLIT_NAMES),
  textFile: z.string(),
  prompts: z.instanceof(Int32Array),
  answers: z.instanceof(Int32Array),
})
export type SplitAnswers = z.infer<typeof splitAnswersSchema>
