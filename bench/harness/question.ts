import type { Spread } from './statistics'

/** What a figure must reach. `of: 'ratio'` judges the median ratio, `of: 'ours'` our own figure in the row's unit. */
export interface Target {
  of: 'ratio' | 'ours'
  atLeast?: number
  atMost?: number
}

/** One line of the table. A row without figures says in `missing` why, and never counts as reached. */
export interface Row {
  /** What is measured, short: `caimira epoch, SimplER`. */
  what: string
  /** `ms`, `s`, `GB/s`, `GFMA/s` as they stand; `bytes` are shown as MB, `1/s` a second, `exponent` as a power of x. */
  unit: string
  /** Median over the repetitions. */
  ours?: number
  peer?: number
  /** What `peer` is: `torch lightning`. */
  peerName?: string
  /** Above 1 means that ours is better. */
  ratio?: Spread
  target?: Target
  missing?: string
  /** Set by the runner where a question threw instead of answering. */
  failed?: boolean
  note?: string
}

/** What the runner gives every question. */
export interface Setting {
  /** Seconds instead of minutes: every path is taken, the figures are worth little. */
  quick: boolean
  /** Interleaved repetitions of each comparison. */
  pairs: number
  /** For generated data, compiled programs and run folders; kept between runs of the bench. */
  folder: string
  /** One line of progress, on stderr. */
  say: (line: string) => void
}

/** What a file of `bench/` exports as `question` to be part of the table. It does nothing before `run`. */
export interface Question {
  /** For `--only`. */
  name: string
  title: string
  run: (setting: Setting) => Promise<Row[]>
}
