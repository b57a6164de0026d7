import { z } from 'zod'

/** Longer than any system takes. */
const pathSchema = z.string().min(1).max(4_096)

/** Without the dot: `yaml`, `parquet`. */
const extensionSchema = z.string().regex(/^[a-z0-9]{1,16}$/i, 'is not an extension')

export const pickSchema = z.strictObject({
  kind: z.enum(['file', 'files', 'folder', 'save']),
  title: z.string().min(1).max(100),
  extensions: z.array(extensionSchema).max(20).optional(),
  /** Name that is proposed for a new file. */
  defaultName: z
    .string()
    .min(1)
    .max(200)
    .refine((name) => !/[\0/\\]/.test(name) && name !== '..', 'is not the name of a file')
    .optional(),
})
export type PickQuestion = z.output<typeof pickSchema>

/** Empty when the dialog was cancelled. */
export const pickedSchema = z.object({ paths: z.array(z.string()) })

export const browseSchema = z.strictObject({
  /** Without one, where looking around begins. */
  dir: pathSchema.optional(),
})

export const folderListingSchema = z.object({
  dir: z.string(),
  /** The folder above, where that may be looked at. */
  parent: z.string().nullable(),
  /** Folders to begin in. */
  places: z.array(z.string()),
  entries: z.array(
    z.object({
      name: z.string(),
      path: z.string(),
      kind: z.enum(['file', 'folder']),
      /** 0 for a folder. */
      bytes: z.number(),
    }),
  ),
  /** Whether there are more than are listed. */
  more: z.boolean(),
})
export type FolderListing = z.output<typeof folderListingSchema>

/** Characters of a file that a page writes; in base64 for what is no text. */
const LONGEST_FILE = 100_000_000

export const writeSchema = z.strictObject({
  /** Chosen as the place of a new file before. */
  path: pathSchema,
  data: z.string().max(LONGEST_FILE),
  encoding: z.enum(['utf8', 'base64']),
})

export const revealSchema = z.strictObject({ path: pathSchema })
