import path from 'node:path'
import { InvalidArgumentError, Option, type Command } from 'commander'
import { runInEngine } from '../core/engine/runInEngine'
import { childProcessSpawner } from '../core/engine/childProcessSpawner'
import { explain } from '../shared/config/explain'
import {
  SIMULATION_PRESETS,
  simulationOptionsSchema,
  type SimulationOptions,
  type SimulationPreset,
  type SimulationResult,
} from '../shared/domain/simulation'
import { AppError, ERROR_EXIT_CODES } from '../shared/errors'
import { formatDuration, formatTable } from './format'
import { onInterrupt } from './interrupt'
import { createOutput, type Output } from './output'
import { commandLine, configRoots, enginePath, shownPath } from './roots'
import { workProgress } from './workProgress'

/** One flag for each option of the simulation, and what it is. */
const FLAGS = {
  pairs: 'judgements over all splits, at most 1,000,000',
  users: 'people',
  texts: 'prompts and answers together',
  answers: 'answers to each prompt',
  width: "width D of the texts' vectors",
  attributes: "attributes A of an answer, and length of a person's preference vector",
  temperature: 'noise of the choices; 0 has none',
  ties: "ν of Davidson's ties; 0 has none",
  clusters: 'groups of like-minded people; 0 has none',
  spread: "share of a person's variance that is their own, in groups",
  drift: 'how far preferences move over time, in lengths of a preference vector',
  unseen: 'share of the people who are in test_unseen alone',
  dev: 'share of the questions',
  test: 'share of the questions',
  embedding_noise: "length of the noise in an answer's vector over that of its attributes",
  seed: 'equal seeds give equal bytes',
} as const satisfies Record<keyof SimulationOptions, string>

type SimulateOptions = Partial<SimulationOptions> & {
  output: string
  dts_name: string
  preset: SimulationPreset
  json?: boolean
}

export function addDataSimulate(data: Command, exit: (code: number) => void): void {
  const command = data
    .command('simulate')
    .description('Make a data set of people whose preferences are known, to see what a model finds of them')
    .requiredOption('--output <folder>', 'folder of the data set, new or empty')
    .option('--dts_name <name>', 'its name', 'simulation')
    .addOption(
      new Option('--preset <name>', 'options to start from')
        .choices(Object.keys(SIMULATION_PRESETS))
        .default('default'),
    )
  const defaults = SIMULATION_PRESETS.default
  for (const [name, meaning] of Object.entries(FLAGS)) {
    const value: unknown = Reflect.get(defaults, name)
    command.option(`--${name} <n>`, `${meaning} (default: ${String(value)})`, number)
  }
  command
    .option('--json', 'print one JSON object a line; the last is the result')
    .action(async (options: SimulateOptions) => exit(await simulate(options)))
}

async function simulate(options: SimulateOptions): Promise<number> {
  const output = createOutput(options.json === true)
  const { cwd } = configRoots()
  const frame = await runInEngine(
    childProcessSpawner(enginePath),
    {
      type: 'simulate',
      output: path.resolve(cwd, options.output),
      dts_name: options.dts_name,
      options: resolve(options),
    },
    workProgress(output),
    onInterrupt(() => output.warn('Stopping: nothing is left behind.')),
  )
  if (frame.type !== 'simulated') return ERROR_EXIT_CODES.engine_protocol
  report(frame.result, shownPath(cwd, frame.result.dir), output)
  return 0
}

function resolve(given: SimulateOptions): SimulationOptions {
  const raw = { ...SIMULATION_PRESETS[given.preset] }
  for (const name of Object.keys(FLAGS)) {
    const value: unknown = Reflect.get(given, name)
    if (value !== undefined) Reflect.set(raw, name, value)
  }
  const parsed = simulationOptionsSchema.safeParse(raw)
  if (parsed.success) return parsed.data
  const findings = explain(simulationOptionsSchema, raw, parsed.error).map(
    ({ keys, message }) => `--${keys.join('.')}: ${message}`,
  )
  if (findings.length === 1) throw new AppError('usage', findings[0]!)
  throw new AppError('usage', `${findings.length} flags cannot be used so`, { findings })
}

function report(result: SimulationResult, folder: string, output: Output): void {
  output.object({ type: 'result', ...result })
  const count = (value: number): string => value.toLocaleString('en')
  const { options, questions, bytes, seconds, dts_name } = result
  output.say(
    `${count(options.users)} people, ${count(questions)} questions, ${count(options.texts)} texts × ${count(options.width)}` +
      ` → ${folder} (${(bytes / 2 ** 20).toFixed(1)} MiB in ${formatDuration(seconds)})`,
  )
  const rows = result.splits.map(({ split, pairs, users, ties, best_acc }) => [
    split,
    count(pairs),
    count(users),
    count(ties),
    `${(100 * best_acc).toFixed(1)} %`,
  ])
  for (const line of formatTable(['split', 'pairs', 'users', 'ties', 'best possible'], rows)) output.say(line)
  const config = path.join(folder, 'data_configs.yaml')
  output.say('Next:')
  output.say(`  ${commandLine(['train', '--dts_name', dts_name, '--dts_config_file', config])}`)
  output.say(`  ${commandLine(['data', 'recover', 'default_exp/v0'])}`)
}

function number(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('give a number')
  return value
}
