import { resolve } from 'node:path'

/** `--log_dir DIR` or `--log_dir=DIR` (or `--data-dir`) among whatever else Electron, Chromium and debuggers were given. */
export function folderArgument(
  flag: '--log_dir' | '--data-dir',
  argv: readonly string[],
  workingDirectory: string,
): string | undefined {
  const index = argv.findIndex((argument) => argument === flag || argument.startsWith(`${flag}=`))
  const found = argv[index]
  if (found === undefined) return undefined
  const value = found === flag ? argv[index + 1] : found.slice(`${flag}=`.length)
  return value === undefined || value === '' ? undefined : resolve(workingDirectory, value)
}
