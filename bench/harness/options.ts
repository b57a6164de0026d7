import { parseArgs } from 'node:util'

export interface Options {
  only: readonly string[]
  pairs: number
  json: string | undefined
  quick: boolean
  /** Names the questions and measures nothing. */
  list: boolean
}

const PAIRS = 5
const QUICK_PAIRS = 1

export const USAGE = `npm run bench [-- --only NAME[,NAME…]] [--pairs N] [--json FILE] [--quick] [--list]
  --only   these questions (default: all)
  --pairs  interleaved repetitions of each comparison (default: ${PAIRS}; with --quick ${QUICK_PAIRS})
  --json   where the figures go (default: artifacts/bench.json)
  --quick  takes every path in a few minutes; its figures are worth little
  --list   names the questions`

/** @throws Error with a sentence for the user */
export function readOptions(args: readonly string[], questions: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string' },
      pairs: { type: 'string' },
      json: { type: 'string' },
      quick: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
    },
  })
  const only = values.only?.split(',') ?? questions
  const unknown = only.find((name) => !questions.includes(name))
  if (unknown !== undefined) throw new Error(`There is no question "${unknown}". Questions: ${questions.join(', ')}`)
  const pairs = values.pairs === undefined ? (values.quick ? QUICK_PAIRS : PAIRS) : Number(values.pairs)
  if (!Number.isInteger(pairs) || pairs < 1) throw new Error('--pairs is a whole number, 1 or more')
  return { only, pairs, json: values.json, quick: values.quick, list: values.list }
}
