import { Command, CommanderError } from 'commander'
import { AppError, ERROR_EXIT_CODES } from '../shared/errors'
import { VERSION } from '../shared/version'
import { createOutput, reportError } from './output'
import { addTrain } from './train'
import { addVerbs } from './verbs'

/** Parses the command line, runs the verb and ends the process with its exit status. */
export async function main(args: readonly string[]): Promise<void> {
  const program = new Command('delta')
  const exit = (code: number): void => {
    process.exitCode = code
  }
  program
    .description('Train and study models of personalised preferences')
    .version(VERSION)
    .showSuggestionAfterError()
    .showHelpAfterError('Add --help to see what is possible.')
    .exitOverride()
  addTrain(program, args, exit)
  if (args[0] !== 'train') await addVerbs(program, args[0], exit)
  for (const command of [program, ...program.commands, ...program.commands.flatMap(({ commands }) => commands)])
    command.exitOverride().showSuggestionAfterError()
  try {
    await program.parseAsync(args, { from: 'user' })
  } catch (thrown) {
    const output = createOutput(args.includes('--json'))
    if (thrown instanceof CommanderError) {
      // Help and version end as errors too; commander has already printed what it had to say.
      exit(thrown.exitCode === 0 ? 0 : ERROR_EXIT_CODES.usage)
      if (thrown.exitCode !== 0)
        output.object({ type: 'error', ...new AppError('usage', thrown.message.replace(/^error: /, '')).toJSON() })
    } else exit(reportError(thrown, output))
  }
}
