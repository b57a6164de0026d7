import type { ComparedRun, ComparedRuns, RunGroup } from '../../shared/domain/compare'
import { nameOf } from '../runs/columns'

/** A column of a table of the comparison. */
export interface ComparedColumn {
  /** The run that it is drawn like. */
  id: string
  /** All of its runs. */
  ids: readonly string[]
  label: string
  /** What the label has no room for. */
  title: string
  /** In small under the label. */
  note: string
  reference: boolean
}

export type ComparedRow<Row> = { kind: 'section'; title: string } | { kind: 'row'; row: Row }

/** A column a group: runs that differ only by their seed stand in one. */
export function groupColumns({ runs }: ComparedRuns, groups: readonly RunGroup[], reference: number): ComparedColumn[] {
  return groups.flatMap((group, at): ComparedColumn[] => {
    const members = group.runs.flatMap((place) => runs[place] ?? [])
    const [lead] = members
    if (!lead) return []
    const note = members.length > 1 ? `${members.length} seeds` : noteOf(lead)
    return [
      {
        ...{ id: lead.id, ids: members.map(({ id }) => id), label: group.label, note, reference: at === reference },
        title: members.map(nameOf).join('\n'),
      },
    ]
  })
}

export function runColumns({ runs }: ComparedRuns, reference: string | undefined): ComparedColumn[] {
  return runs.map((run) => ({
    ...{ id: run.id, ids: [run.id], label: nameOf(run), title: nameOf(run) },
    ...{ note: noteOf(run), reference: run.id === reference },
  }))
}

/** What would make somebody read its figures with care. */
function noteOf({ status, leaks }: ComparedRun): string {
  return [leaks ? 'leaks' : '', status === 'finished' ? '' : status].filter(Boolean).join(', ')
}
