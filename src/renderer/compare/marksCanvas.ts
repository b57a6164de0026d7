/**
 * A canvas for marks that are too many for ECharts, which makes an element, a model and states of each: emptied, as large as the chart that it
 * belongs to, and sharp on this screen.
 */
export function marksContext(
  canvas: HTMLCanvasElement,
  { width, height }: { width: number; height: number },
): CanvasRenderingContext2D | null {
  const ratio = window.devicePixelRatio
  // Also empties it.
  Object.assign(canvas, { width: Math.round(width * ratio), height: Math.round(height * ratio) })
  const context = canvas.getContext('2d')
  context?.scale(ratio, ratio)
  return context
}
