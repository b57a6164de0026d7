import { resolve } from 'node:path'

/** `--log_dir DIR` or `--log_dir=DIR` (or `--data-dir`) among whatever else Electron, Chromium and debuggers were given. */
export function folderArgument(
  flag: '--log_dir' | '--data-dir',
  argv: readonly string[],
  workingDirectory: string,
): string | undefined {
  const value = valueOf(flag, argv)
  return value === undefined || value === '' ? undefined : resolve(workingDirectory, value)
}

/** One of some words; anything else counts as not given. */
export function choiceArgument<T extends string>(
  flag: string,
  choices: readonly T[],
  argv: readonly string[],
): T | undefined {
  const value = valueOf(flag, argv)
  return choices.find((choice) => choice === value)
}

function valueOf(flag: string, argv: readonly string[]): string | undefined {
  const index = argv.findIndex((argument) => argument === flag || argument.startsWith(`${flag}=`))
  const found = argv[index]
  if (found === undefined) return undefined
  return found === flag ? argv[index + 1] : found.slice(`${flag}=`.length)
}
