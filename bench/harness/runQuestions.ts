import { orMissing } from './ask'
import { lookAtLoad, type Load } from './machine'
import type { Question, Row, Setting } from './question'
import { verdict, type Verdict } from './report'

/** What one question came to. */
export interface Answer {
  question: string
  title: string
  /** What others did to the machine just before and just after, the busier of both looks. */
  load: Load
  seconds: number
  rows: (Row & { reached: Verdict })[]
}

/** Asks one after the other, and goes on where one fails. `answered` sees every answer as soon as it is there. */
export async function runQuestions(
  questions: readonly Question[],
  setting: Setting,
  answered: (answer: Answer) => void,
  load: () => Promise<Load> = lookAtLoad,
): Promise<Answer[]> {
  const answers: Answer[] = []
  for (const { name, title, run } of questions) {
    const before = await load()
    const started = performance.now()
    setting.say(`── ${title}`)
    const rows = await run({ ...setting, say: (line) => setting.say(`   ${line}`) }).catch(async (thrown: unknown) => [
      await orMissing({ what: title, unit: '' }, () => Promise.reject(thrown)),
    ])
    const seconds = (performance.now() - started) / 1000
    const after = await load()
    const answer: Answer = {
      question: name,
      title,
      load: after.busy > before.busy ? after : before,
      seconds,
      rows: rows.map((row) => ({ ...row, reached: verdict(row) })),
    }
    answers.push(answer)
    answered(answer)
  }
  return answers
}
