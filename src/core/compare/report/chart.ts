import { escapeHtml } from './html'

export interface ChartCurve {
  label: string
  x: readonly number[]
  mean: readonly (number | null)[]
  low: readonly (number | null)[]
  high: readonly (number | null)[]
  /** It has a band. */
  band: boolean
}

/** Okabe and Ito: told apart by colour-blind people too. After these come dashes. */
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9']
const DASHES = ['', '7 4', '2 3']
const WIDTH = 760
const HEIGHT = 300
const PLOT = { left: 64, right: 12, top: 10, bottom: 36 }
const LINE_PX = 18
const TICKS = 5

/** Curves with their bands as a picture that needs nothing else. Undefined where there is no point. */
export function curvesSvg(title: string, axis: string, curves: readonly ChartCurve[]): string | undefined {
  const drawn = curves.filter(({ mean }) => mean.some((y) => y !== null))
  const xs = drawn.flatMap(({ x }) => [x[0] ?? 0, x.at(-1) ?? 0])
  const ys = drawn.flatMap(({ band, mean, low, high }) => [...mean, ...(band ? [...low, ...high] : [])])
  const known = ys.filter((y) => y !== null)
  if (known.length === 0) return undefined
  const across = scale(least(xs), most(xs), PLOT.left, WIDTH - PLOT.right)
  const up = scale(least(known), most(known), HEIGHT - PLOT.bottom, PLOT.top)
  const height = HEIGHT + drawn.length * LINE_PX
  const look = (at: number): string => {
    const dash = DASHES[Math.floor(at / COLOURS.length) % DASHES.length] ?? ''
    return `stroke="${COLOURS[at % COLOURS.length] ?? ''}"${dash ? ` stroke-dasharray="${dash}"` : ''}`
  }
  const parts = drawn.map((curve, at) => {
    const fill = COLOURS[at % COLOURS.length] ?? ''
    const bands = curve.band
      ? bandPaths(curve, across.to, up.to).map((d) => `<path d="${d}" fill="${fill}" opacity="0.15"/>`)
      : []
    const line = linePath(curve.x, curve.mean, across.to, up.to)
    return `${bands.join('')}<path d="${line}" fill="none" stroke-width="1.8" ${look(at)}/>`
  })
  const legend = drawn.map(({ label, mean }, at) => {
    const y = HEIGHT + at * LINE_PX + 8
    const last = mean.findLast((value) => value !== null) ?? 0
    return `<line x1="${PLOT.left}" x2="${PLOT.left + 24}" y1="${y}" y2="${y}" stroke-width="2.5" ${look(at)}/><text x="${PLOT.left + 32}" y="${y + 4}">${escapeHtml(label)}: last ${text(last)}</text>`
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${escapeHtml(`${title} by ${axis}`)}" font-family="system-ui, sans-serif" font-size="12" fill="#57606a">`,
    ...up.ticks.map(
      (y) =>
        `<line x1="${PLOT.left}" x2="${WIDTH - PLOT.right}" y1="${px(up.to(y))}" y2="${px(up.to(y))}" stroke="#d8dee4"/><text x="${PLOT.left - 6}" y="${px(up.to(y) + 4)}" text-anchor="end">${text(y)}</text>`,
    ),
    ...across.ticks.map(
      (x) => `<text x="${px(across.to(x))}" y="${HEIGHT - PLOT.bottom + 16}" text-anchor="middle">${text(x)}</text>`,
    ),
    `<text x="${(WIDTH + PLOT.left) / 2}" y="${HEIGHT - 4}" text-anchor="middle">${escapeHtml(axis)}</text>`,
    ...parts,
    ...legend,
    '</svg>',
  ].join('\n')
}

const least = (values: readonly number[]): number => values.reduce((a, b) => Math.min(a, b), Infinity)
const most = (values: readonly number[]): number => values.reduce((a, b) => Math.max(a, b), -Infinity)
const px = (value: number): string => value.toFixed(1)
const text = (value: number): string => String(Number(value.toPrecision(4)))

/** From values to pixels, with round values between. */
function scale(low: number, high: number, from: number, to: number) {
  // Means of equal figures differ in their last digit: between those there is no round value to be found.
  const different = high - low > 1e-9 * Math.max(Math.abs(low), Math.abs(high))
  const span = different ? high - low : Math.abs(low) || 1
  const step = roundStep(span / TICKS)
  const ticks: number[] = []
  for (let at = Math.ceil(low / step); at * step <= low + span; at++) ticks.push(at * step)
  return { ticks, to: (value: number): number => from + ((value - low) / span) * (to - from) }
}

/** 1, 2 or 5 times a power of ten. */
function roundStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough))
  return ([1, 2, 5, 10].find((one) => one * power >= rough) ?? 10) * power
}

type Place = (value: number) => number

function linePath(x: readonly number[], y: readonly (number | null)[], across: Place, up: Place): string {
  let pen = 'M'
  return x
    .map((at, i) => {
      const value = y[i]
      if (value === null || value === undefined) {
        pen = 'M'
        return ''
      }
      const step = `${pen}${px(across(at))} ${px(up(value))}`
      pen = 'L'
      return step
    })
    .join('')
}

/** A shape for each stretch without a gap. */
function bandPaths({ x, low, high }: ChartCurve, across: Place, up: Place): string[] {
  const stretches: { x: number; low: number; high: number }[][] = [[]]
  for (const [i, at] of x.entries()) {
    const [bottom, top] = [low[i], high[i]]
    if (typeof bottom === 'number' && typeof top === 'number') stretches.at(-1)?.push({ x: at, low: bottom, high: top })
    else stretches.push([])
  }
  return stretches
    .filter((stretch) => stretch.length > 1)
    .map((stretch) => {
      const edge = (one: { x: number }, y: number): string => `${px(across(one.x))} ${px(up(y))}`
      const there = stretch.map((one) => edge(one, one.high))
      const back = stretch.toReversed().map((one) => edge(one, one.low))
      return `M${[...there, ...back].join('L')}Z`
    })
}
