import type { Command } from 'commander'
import type { DataProblem } from '../shared/domain/dataset'
import { ERROR_EXIT_CODES, formatPlace } from '../shared/errors'
import { runInEngine } from '../core/engine/runInEngine'
import { childProcessSpawner } from '../core/engine/childProcessSpawner'
import { addDataColumns } from './dataColumns'
import { addDataEmbed } from './dataEmbed'
import { addDataInspect } from './dataInspect'
import { addDataImport } from './dataImport'
import { addDataRecover } from './dataRecover'
import { addDataScore } from './dataScore'
import { addDataSimulate } from './dataSimulate'
import { openDataSet, withDataSet, type DataSetOptions } from './dataSet'
import { addDataSplit } from './dataSplit'
import { formatTable } from './format'
import { onInterrupt } from './interrupt'
import { createOutput } from './output'
import { enginePath } from './roots'

type ValidateOptions = DataSetOptions & { json?: boolean }

export function addData(program: Command, exit: (code: number) => void): void {
  const data = program.command('data').description('Look after data sets')
  withDataSet(data.command('validate').description('Check every file of a data set and report all problems at once'))
    .option('--json', 'print one JSON object a line; the last is the result')
    .action(async (options: ValidateOptions) => exit(await validate(options)))
  addDataInspect(data, exit)
  addDataSplit(data, exit)
  addDataEmbed(data, exit)
  addDataColumns(data, exit)
  addDataScore(data, exit)
  addDataImport(data, exit)
  addDataSimulate(data, exit)
  addDataRecover(data, exit)
}

async function validate(options: ValidateOptions): Promise<number> {
  const output = createOutput(options.json === true)
  const { data } = openDataSet(options)
  const stop = onInterrupt(() => output.warn('Stopping.'))
  const frame = await runInEngine(childProcessSpawner(enginePath), { type: 'validate', data }, () => {}, stop)
  if (frame.type !== 'validation') return ERROR_EXIT_CODES.engine_protocol
  const { problems, splits } = frame.report
  const errors = problems.filter(({ severity }) => severity === 'error')
  const header = ['split', 'pairs', 'users', 'texts', 'width', 'features']
  const number = (value: number): string => value.toLocaleString('en')
  const rows = splits.map((split) => [
    split.split,
    number(split.pairs),
    number(split.users),
    number(split.texts),
    number(split.width),
    number(split.featureColumns.length),
  ])
  for (const line of formatTable(header, rows)) output.say(line)
  for (const problem of problems) for (const line of describe(problem)) output.say(line)
  const count = (n: number, word: string): string => `${n} ${word}${n === 1 ? '' : 's'}`
  output.say(`${data.dts_name}: ${count(errors.length, 'error')}, ${count(problems.length - errors.length, 'warning')}`)
  output.object({ type: 'result', dts_name: data.dts_name, valid: errors.length === 0, problems, splits })
  return errors.length === 0 ? 0 : ERROR_EXIT_CODES.data_invalid
}

function describe(problem: DataProblem): string[] {
  const often = problem.count > 1 ? ` (${problem.count} times, first here)` : ''
  return [`${problem.severity}: ${problem.message}${often}`, `  at ${formatPlace(problem)}`, `  ${problem.fix}`]
}
