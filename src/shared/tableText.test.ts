import { expect, test } from 'vitest'
import { formatTableAs } from './tableText'

const table = {
  header: ['name', 'a_b & 50 %'],
  rows: [
    ['x|y', '0.5 ± 0.1'],
    ['=SUM(A1)', '-3'],
    ['say "hi",\nthere', '\\n ~ ^ {a} <b> $'],
  ],
}

test('Markdown: a bar or a line break in a cell ends it', () => {
  const lines = formatTableAs('markdown', table).split('\n')
  expect(lines[0]).toBe(String.raw`| name | a\_b \& 50 % |`)
  expect(lines[1]).toBe('| --- | --- |')
  expect(lines[2]).toBe(String.raw`| x\|y | 0.5 ± 0.1 |`)
  expect(lines).toHaveLength(6)
})

test('LaTeX: its signs are read as commands', () => {
  const text = formatTableAs('latex', table)
  expect(text).toContain(String.raw`name & a\_b \& 50 \% \\`)
  expect(text).toContain(String.raw`0.5 $\pm$ 0.1`)
  expect(text).toContain(
    String.raw`\textbackslash{}n \textasciitilde{} \textasciicircum{} \{a\} \textless{}b\textgreater{} \$ \\`,
  )
  expect(text.startsWith('\\begin{tabular}{lr}\n\\toprule\n')).toBe(true)
})

test('CSV: commas and quotes shift columns, or a spreadsheet runs a formula', () => {
  expect(formatTableAs('csv', table)).toBe(
    'name,a_b & 50 %\r\nx|y,0.5 ± 0.1\r\n\'=SUM(A1),-3\r\n"say ""hi"",\nthere",\\n ~ ^ {a} <b> $\r\n',
  )
})
