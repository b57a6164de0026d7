/** File names and data appear in messages; a terminal must not obey what stands in them. */
export function harmless(line: string): string {
  return line.replace(/[^\P{Cc}\n\t]/gu, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`)
}
