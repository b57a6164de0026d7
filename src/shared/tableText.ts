/** Tables as other programs read them. Cells are text as it is; each format escapes what it must. */
export const TABLE_FORMATS = ['markdown', 'latex', 'csv'] as const
export type TableFormat = (typeof TABLE_FORMATS)[number]

export interface TextTable {
  header: readonly string[]
  rows: readonly (readonly string[])[]
}

export function formatTableAs(format: TableFormat, table: TextTable): string {
  return { markdown, latex, csv }[format](table)
}

/** GitHub's: a bar ends a cell, a line break ends a row, and the rest of the markup would be read as such. */
function markdown({ header, rows }: TextTable): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(inMarkdown).join(' | ')} |`
  return [line(header), line(header.map(() => '---')), ...rows.map(line)].join('\n') + '\n'
}

function inMarkdown(text: string): string {
  return text.replaceAll(/[\\`*_[\]<>|~#&$]/g, String.raw`\$&`).replaceAll(/\r\n|[\r\n]/g, ' ')
}

/** With booktabs' rules; the first column stands left, the others right. */
function latex({ header, rows }: TextTable): string {
  const line = (cells: readonly string[]): string => String.raw`${cells.map(inLatex).join(' & ')} \\`
  const columns = `l${'r'.repeat(Math.max(0, header.length - 1))}`
  return [
    String.raw`\begin{tabular}{${columns}}`,
    String.raw`\toprule`,
    line(header),
    String.raw`\midrule`,
    ...rows.map(line),
    String.raw`\bottomrule`,
    String.raw`\end{tabular}`,
    '',
  ].join('\n')
}

const LATEX: Record<string, string> = {
  '\\': String.raw`\textbackslash{}`,
  '~': String.raw`\textasciitilde{}`,
  '^': String.raw`\textasciicircum{}`,
  '<': String.raw`\textless{}`,
  '>': String.raw`\textgreater{}`,
  '|': String.raw`\textbar{}`,
  '"': String.raw`\textquotedbl{}`,
  '±': String.raw`$\pm$`,
  '−': '$-$',
  '–': '--',
  '→': String.raw`$\to$`,
  Δ: String.raw`$\Delta$`,
}

function inLatex(text: string): string {
  return text
    .replaceAll(/[\\~^<>|"±−–→Δ]|[#$%&_{}]/g, (sign) => LATEX[sign] ?? `\\${sign}`)
    .replaceAll(/\r\n|[\r\n]/g, ' ')
}

/** RFC 4180. A spreadsheet takes a cell that begins with = + - or @ for a formula, unless it is a number: an apostrophe says that it is text. */
function csv({ header, rows }: TextTable): string {
  return [header, ...rows].map((cells) => `${cells.map(inCsv).join(',')}\r\n`).join('')
}

function inCsv(text: string): string {
  const harmless = /^[=+\-@\t\r]/.test(text) && !/^[+-]?\d*\.?\d+(e[+-]?\d+)?$/i.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless
}
