import { resolve } from 'node:path'

/** `--log_dir DIR` or `--log_dir=DIR` among whatever else Electron, Chromium and debuggers were given. */
export function logDirArgument(argv: readonly string[], workingDirectory: string): string | undefined {
  const index = argv.findIndex((argument) => argument === '--log_dir' || argument.startsWith('--log_dir='))
  const found = argv[index]
  if (found === undefined) return undefined
  const value = found === '--log_dir' ? argv[index + 1] : found.slice('--log_dir='.length)
  return value === undefined || value === '' ? undefined : resolve(workingDirectory, value)
}
