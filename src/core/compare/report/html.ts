import type { TextTable } from '../../../shared/tableText'

const ESCAPES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

/** Names, notes and commands come from anybody: in a page they are text, also inside of an attribute. */
export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (letter) => ESCAPES[letter] ?? '')
}

/** A table; the first column names its rows. */
export function tableHtml({ header, rows }: TextTable): string {
  const head = header.map((text) => `<th scope="col">${escapeHtml(text)}</th>`).join('')
  const body = rows.map(([first = '', ...cells]) => {
    const rest = cells.map((text) => `<td>${escapeHtml(text)}</td>`).join('')
    return `<tr><th scope="row">${escapeHtml(first)}</th>${rest}</tr>`
  })
  return `<div class="scroll"><table><thead><tr>${head}</tr></thead><tbody>\n${body.join('\n')}\n</tbody></table></div>`
}

/** Nothing is fetched and nothing runs, whatever a browser would make of the rest. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"

const STYLE = `
body { max-width: 1200px; margin: 32px auto; padding: 0 24px; color: #1c2128; background: #fff; font: 14px/1.5 system-ui, sans-serif; }
h1 { font-size: 22px; } h2 { margin-top: 36px; font-size: 17px; } h3 { font-size: 14px; }
p, dt { max-width: 110ch; } .quiet { color: #57606a; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 4px 12px 4px 0; border-bottom: 1px solid #d8dee4; text-align: right; white-space: nowrap; font-weight: 400; }
th:first-child { text-align: left; } thead th { color: #57606a; font-weight: 600; }
code { font: 12px/1.5 ui-monospace, monospace; overflow-wrap: anywhere; } svg { max-width: 100%; height: auto; }
details { margin: 8px 0; } summary { cursor: pointer; font-weight: 600; }
@media print { body { margin: 0; } details > * { display: block; } }
`

/** @param body sections that are HTML already */
export function pageHtml(title: string, body: readonly string[]): string {
  return [
    '<!doctype html>',
    '<html lang="en"><head><meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="${POLICY}">`,
    `<title>${escapeHtml(title)}</title><style>${STYLE}</style></head><body>`,
    ...body,
    '</body></html>',
    '',
  ].join('\n')
}
