import fs from 'node:fs'
import path from 'node:path'
import { RUN_FILES, type RunRecord } from '../../shared/domain/run'
import { meaningOf } from '../../shared/slurmWords'
import { readRecord, writeRecord } from '../service/recordFile'

/** How a task has ended, for a person: Slurm's word, what it means, and what its log said last. */
export function told(text: string, lastWords = ''): string {
  const means = meaningOf(text)?.replace(/\.$/, '')
  return [`Slurm: ${text}`, ...(means ? [means] : []), ...(lastWords ? [`Its log: ${lastWords}`] : [])].join('. ')
}

/** Nobody works on the run any more, whatever it still says: the queue knows that its task has ended. */
export function settle(dir: string, text: string, lastWords: string): void {
  const reason = told(text, lastWords)
  amend(dir, (record) =>
    record.status === 'running' ? { ...record, status: 'crashed', reason, ended: Date.now() } : { ...record, reason },
  )
}

/** A run that goes on no farther, for a reason that is not its own. */
export function crash(dir: string, reason: string): void {
  amend(dir, (record) => ({ ...record, status: 'crashed', reason, ended: Date.now() }))
}

/** A run that waited at a rung is at its end there, with the figures that it has. */
export function endPaused(dir: string, reason: string): void {
  amend(dir, ({ result, ...record }) => ({
    ...record,
    ...{ status: 'finished', reason },
    ...(result && { result: { ...result, status: 'finished' } }),
  }))
}

function amend(dir: string, change: (record: RunRecord) => RunRecord): void {
  const record = readRecord(dir)
  if (!record) return
  const file = path.join(dir, RUN_FILES.record)
  const { mtimeMs } = fs.statSync(file)
  writeRecord(dir, change(record))
  // By the clock of whoever wrote it, newer than what it wrote and older than what the next attempt will write.
  const newer = new Date(mtimeMs + 1000)
  fs.utimesSync(file, newer, newer)
  fs.rmSync(path.join(dir, RUN_FILES.owner), { force: true })
}
