import { z } from 'zod'

/**
 * `data_configs.yaml`: one section per data set. In the file paths are relative (`dts_path` to the file's folder, all
 * others to `dts_path`); in a resolved {@link DataConfig} every path is absolute.
 */
const path = z.string().min(1)

export const splitFilesSchema = z.strictObject({
  df_file: path.describe('Pairs, JSON Lines or Parquet'),
  text_file: path.describe('JSON array of texts, aligned with emb_file'),
  emb_file: path.describe('.npy of shape [texts, width]'),
  bow_file: path.optional().describe('Bag of words, .npz (CSR) or .npy, aligned with text_file'),
  reward_file: path
    .optional()
    .describe(
      'Base reward for map_rw, Parquet or JSON Lines with the columns prompt_emb_idx, answer_emb_idx (rows of ' +
        "text_file) and reward; without it map_rw reads df_file's columns chosen_reward and rejected_reward",
    ),
})
export type SplitFiles = z.infer<typeof splitFilesSchema>

export const embedderSchema = z.strictObject({
  provider: z.string().min(1),
  model: z.string().min(1),
  dim: z.int().positive(),
  normalized: z.boolean(),
})
export type Embedder = z.infer<typeof embedderSchema>

export const dataSectionSchema = z.strictObject({
  dts_name: z.string().min(1).optional().describe("Name of the data set; defaults to the section's name"),
  dts_path: path.describe("Folder of the data set, relative to this file's folder"),
  vocab_file: path.optional(),
  prefix_columns: z.array(z.string().min(1)).default([]).describe('Columns that start so are user features'),
  embedder: embedderSchema.optional().describe('What made the vectors'),
  train: splitFilesSchema,
  dev: splitFilesSchema.optional(),
  test: splitFilesSchema.optional(),
  test_unseen: splitFilesSchema.optional(),
})

export const dataFileSchema = z.record(z.string(), dataSectionSchema)

/** A data set's section with its name filled in and every path absolute. */
export const dataConfigSchema = dataSectionSchema.extend({ dts_name: z.string().min(1) })
export type DataConfig = z.infer<typeof dataConfigSchema>
