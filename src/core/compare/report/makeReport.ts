import type { CompareReportQuery } from '../../../shared/domain/compare'
import type { Store } from '../../store/openStore'
import { compareRuns, type ComparisonOptions } from '../comparison'
import type { Comparisons } from '../comparisons'
import { importanceQuestion } from './importanceQuestion'
import { reportHtml, testableSplit } from './report'

/** What testing takes of the time; growing a forest takes the rest. */
const TESTED_PERCENT = 70

/**
 * The whole comparison as one HTML file. What an engine has to compute is computed, under the ticket.
 *
 * @throws AppError `stopped`, and whatever the engine says
 */
export async function makeReport(
  store: Store,
  comparisons: Comparisons,
  { runs, reference: id, columns, single, split: wanted, ticket }: CompareReportQuery,
  options: ComparisonOptions = {},
): Promise<string> {
  const found = compareRuns(store, { runs, columns }, options)
  const compared = single
    ? {
        ...found,
        groups: found.runs.map(({ exp_name, exp_version }, at) => ({
          label: `${exp_name}/${exp_version}`,
          runs: [at],
        })),
        figures: found.figures.map((figure) => ({
          ...figure,
          spreads: figure.values.map((value) => (value === null ? null : { mean: value, sd: 0, n: 1 })),
        })),
      }
    : found
  const at = Math.max(
    0,
    compared.runs.findIndex((run) => run.id === id),
  )
  const reference = Math.max(
    0,
    compared.groups.findIndex((group) => group.runs.includes(at)),
  )
  const sides = compared.groups.map((group) => group.runs.flatMap((place) => compared.runs[place]?.id ?? []))
  const split = wanted ?? testableSplit(compared, reference)
  const others = sides.filter((_, place) => place !== reference)
  const asked = importanceQuestion(compared)
  return comparisons.together(store, ticket, async (ask) => {
    const tested =
      split === undefined || others.length === 0
        ? undefined
        : {
            split,
            result: await ask.paired(
              { reference: sides[reference] ?? [], others, split },
              asked ? [0, TESTED_PERCENT] : undefined,
            ),
          }
    const importance = asked && {
      figure: asked.figure,
      found: await ask.importance(asked.question, tested ? [TESTED_PERCENT, 100] : undefined),
    }
    return reportHtml(store, { compared, reference, tested, importance })
  })
}
