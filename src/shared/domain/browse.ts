import { z } from 'zod'
import { appErrorSchema } from '../errors'
import { SPLIT_NAMES } from './dataset'

/** What a window asks of an engine that holds a data set, and what that answers. */
const count = z.int().min(0)
const splitName = z.enum(SPLIT_NAMES)
const text = z.string().max(10_000)

export const browsedSplitSchema = z.strictObject({ split: splitName, file: z.string().min(1) })

/** Rows of one answer. */
export const MOST_ROWS_A_PAGE = 500
/** Characters of a text in a table; the whole text comes with its row. */
export const CELL_CHARACTERS = 300
/** Characters of a value that is shown whole. */
export const MOST_CHARACTERS_SHOWN = 1_000_000

export const VALUE_TESTS = ['is', 'is_not', 'contains', 'below', 'above', 'missing'] as const

export const rowFilterSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('value'), column: text, test: z.enum(VALUE_TESTS), value: text }),
  /** Both bounds belong to it. */
  z.strictObject({
    type: z.literal('length'),
    column: z.enum(['prompt', 'chosen', 'rejected']),
    unit: z.enum(['characters', 'words']),
    from: count,
    to: count,
  }),
  /** Rows of users with so many usable pairs in this split. */
  z.strictObject({ type: z.literal('user_pairs'), from: count, to: count }),
  /** Rows that have something in common with another split. */
  z.strictObject({ type: z.literal('shared'), what: z.enum(['pairs', 'users', 'prompts', 'texts']), with: splitName }),
  /** Pairs that also stand with the opposite judgment in this split, by whomever. */
  z.strictObject({ type: z.literal('reversed') }),
  /** Rows that repeat user, prompt and judgment of an earlier one of this split. */
  z.strictObject({ type: z.literal('duplicate') }),
  /** Rows with the opposite judgment of an earlier one of the same user in this split. */
  z.strictObject({ type: z.literal('conflict') }),
  z.strictObject({ type: z.literal('same_answer') }),
  z.strictObject({ type: z.literal('unusable') }),
  z.strictObject({ type: z.literal('rows'), rows: z.array(count).max(100_000) }),
])
export type RowFilter = z.infer<typeof rowFilterSchema>

export const rowSortSchema = z.strictObject({ column: text, descending: z.boolean() })

const selection = {
  split: splitName,
  /** Any of its texts holds this, whatever the case; or its user or id is this. */
  search: text.default(''),
  filters: z.array(rowFilterSchema).max(50).default([]),
  sort: rowSortSchema.nullable().default(null),
}

export const browseQuerySchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('rows'),
    ...selection,
    offset: count,
    limit: z.int().min(0).max(MOST_ROWS_A_PAGE),
    /** Another selection under the same name makes this one pointless, and ends it. */
    view: z.string().max(100),
  }),
  z.strictObject({ type: z.literal('row'), split: splitName, row: count }),
])
export type BrowseQuery = z.infer<typeof browseQuerySchema>

/** A value in a table: a text is cut, nested values are JSON. */
export const cellSchema = z.union([z.string(), z.number(), z.boolean(), z.null()])
export type Cell = z.infer<typeof cellSchema>

export const browseColumnSchema = z.object({ name: z.string(), kind: z.enum(['number', 'text']) })
export type BrowseColumn = z.infer<typeof browseColumnSchema>

export const rowPageSchema = z.object({
  columns: z.array(browseColumnSchema),
  /** Columns of the file beyond the bound, which are not held. */
  moreColumns: count,
  /** Rows of the selection, and of the split. */
  total: count,
  of: count,
  /** The split is still being read; both numbers grow. */
  reading: z.boolean(),
  rows: z.array(z.object({ row: count, cells: z.array(cellSchema), fault: z.string().optional() })),
})
export type RowPage = z.infer<typeof rowPageSchema>

export const wholeRowSchema = z.object({
  row: count,
  fault: z.string().optional(),
  values: z.array(
    z.object({ column: z.string(), value: cellSchema, characters: count.optional(), words: count.optional() }),
  ),
})
export type WholeRow = z.infer<typeof wholeRowSchema>

export const browseAnswerSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('page'), page: rowPageSchema }),
  z.object({ type: z.literal('row'), row: wholeRowSchema }),
  z.object({ type: z.literal('error'), error: appErrorSchema }),
])
export type BrowseAnswer = z.infer<typeof browseAnswerSchema>
