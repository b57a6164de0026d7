/** `npm run bench`: asks every question, prints one table and writes one JSON file. Started by `scripts/bench.mjs`. */
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { findCompiler } from './harness/ceiling'
import { describeMachine, type Machine } from './harness/machine'
import { readOptions, USAGE, type Options } from './harness/options'
import { PYTHON } from './harness/peer'
import type { Question } from './harness/question'
import { table } from './harness/report'
import { ROOT } from './harness/root'
import { runQuestions, type Answer } from './harness/runQuestions'

/** @returns the exit status: 1 where a question failed; a missed target or a missing peer is a result. */
export async function bench(args: readonly string[], questions: readonly Question[]): Promise<number> {
  const say = (line: string): void => void process.stderr.write(`${line}\n`)
  let options: Options
  try {
    options = readOptions(
      args,
      questions.map(({ name }) => name),
    )
  } catch (error) {
    say(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`)
    return 2
  }
  if (options.list) {
    for (const { name, title } of questions) process.stdout.write(`${name.padEnd(12)}  ${title}\n`)
    return 0
  }
  const machine = describeMachine(PYTHON, findCompiler())
  const asked = questions.filter(({ name }) => options.only.includes(name))
  const setting = { ...options, folder: path.join(ROOT, 'artifacts', 'bench'), say }
  const file = path.resolve(options.json ?? path.join(ROOT, 'artifacts', 'bench.json'))
  mkdirSync(path.dirname(file), { recursive: true })
  const answers: Answer[] = []
  // After each answer, so that a machine that goes down loses one question and not all.
  await runQuestions(asked, setting, (answer) => {
    answers.push(answer)
    writeFileSync(
      file,
      `${JSON.stringify({ machine, quick: options.quick, pairs: options.pairs, answers }, null, 2)}\n`,
    )
  })
  process.stdout.write(`${page(machine, answers, options.quick)}\n`)
  say(`Figures: ${file}`)
  return answers.some(({ rows }) => rows.some(({ failed }) => failed)) ? 1 : 0
}

/** Share of the machine that others may use without the figures losing their meaning. */
const BUSY = 0.15

function page(machine: Machine, answers: readonly Answer[], quick: boolean): string {
  const python = machine.python === null ? 'no Python' : versions(machine.python)
  const busy = answers.map(({ question, load }) => `${question} ${(100 * load.busy).toFixed(0)} %`).join(', ')
  return [
    `${machine.cpu}, ${machine.cores} cores, Node ${machine.node}, ${python}, ${machine.date.slice(0, 16)}`,
    ...(quick ? ['A smoke run: the figures are worth little.'] : []),
    '',
    table(answers.flatMap(({ rows }) => rows)),
    '',
    `In use by others before or after each question: ${busy}`,
    ...(answers.some(({ load }) => load.busy > BUSY)
      ? [
          'Others were at work: PyTorch suffers more from that than we do, so these ratios flatter us. Repeat on a quiet machine.',
        ]
      : []),
  ].join('\n')
}

const versions = (packages: Record<string, string | null>): string =>
  Object.entries(packages)
    .map(([name, version]) => `${name} ${version ?? 'missing'}`)
    .join(', ')
