import { onBeforeUnmount, ref, shallowRef, watch, type Ref } from 'vue'
import type { EventPayload } from '../../shared/api/events'
import type { MetricBatch } from '../../shared/domain/metric'
import { client } from '../api/client'
import { oneAtATime } from '../stores/oneAtATime'
import { useWorkspace } from '../stores/workspace'
import { LiveCurve } from './liveCurve'

export type Axis = 'epoch' | 'step' | 'time'

/** What the eye can follow; the curves themselves are always up to date. */
const REDRAW_MS = 200
/** A run that somebody else records tells only that it changed. */
const RELOAD_MS = 1500

export interface CurveQuery {
  axis: Axis
  smoothing: number
  /** Columns of the picture. */
  buckets: number
  /** Part of the axis that is shown, in its own units; undefined is all of it. */
  range: [number, number] | undefined
}

/** The curves of one run, kept up to date while it trains. */
export function useCurves(id: Ref<string>, metrics: Ref<readonly string[]>, query: Ref<CurveQuery>) {
  const workspace = useWorkspace()
  const curves = shallowRef<ReadonlyMap<string, LiveCurve>>(new Map())
  /** Counts redraws: the curves grow in place. */
  const version = ref(0)
  const loadedFor = ref<string>()
  let sequence = 0
  let lastLive = -Infinity
  let lastLoad = -Infinity
  let redrawing: ReturnType<typeof setTimeout> | undefined
  let reloading: ReturnType<typeof setTimeout> | undefined

  const load = oneAtATime(async () => {
    const run = id.value
    const names = metrics.value
    const { axis, smoothing, buckets, range } = query.value
    lastLoad = performance.now()
    if (names.length === 0) {
      curves.value = new Map()
      loadedFor.value = run
      return
    }
    const asked = { runs: [run], metrics: [...names], axis, smoothing, buckets, ...(range && { range }) }
    const { series } = await client.request('history.query', asked)
    if (run !== id.value) return
    curves.value = new Map(series.map((one) => [one.metric, new LiveCurve(one, buckets, smoothing)]))
    sequence = Math.max(0, ...series.map((one) => one.sequence))
    loadedFor.value = run
    version.value++
  }, workspace.report)

  function reloadSoon(): void {
    reloading ??= setTimeout(
      () => {
        reloading = undefined
        load()
      },
      Math.max(0, lastLoad + RELOAD_MS - performance.now()),
    )
  }

  function append(batches: readonly MetricBatch[]): void {
    const { axis } = query.value
    for (const { epoch, step, time, values } of batches) {
      const x = { epoch, step, time }[axis]
      for (const [name, value] of Object.entries(values)) {
        const known = curves.value.get(name)
        if (known) known.add(x, value)
        else if (metrics.value.includes(name)) {
          const begun = new LiveCurve(
            { metric: name, points: 0, x: [], y: [] },
            query.value.buckets,
            query.value.smoothing,
          )
          begun.add(x, value)
          curves.value = new Map(curves.value).set(name, begun)
        }
      }
    }
    redrawing ??= setTimeout(() => {
      redrawing = undefined
      version.value++
    }, REDRAW_MS)
  }

  function onMetrics({ runId, first, sequence: last, batches }: EventPayload<'run.metrics'>): void {
    if (runId !== id.value || loadedFor.value !== runId) return
    lastLive = performance.now()
    if (last <= sequence) return
    // A gap, an overlap, or everything anew: the history knows.
    if (batches === null || first !== sequence + 1) return reloadSoon()
    sequence = last
    if (query.value.range === undefined) append(batches)
  }

  watch([id, query, () => metrics.value.join()], load, { immediate: true })
  const undo = [
    client.on('run.metrics', onMetrics),
    client.on('runs.changed', () => {
      if (performance.now() - lastLive > 2 * RELOAD_MS) reloadSoon()
    }),
    client.onState((state) => state === 'open' && loadedFor.value !== undefined && reloadSoon()),
  ]
  onBeforeUnmount(() => {
    for (const one of undo) one()
    clearTimeout(redrawing)
    clearTimeout(reloading)
  })
  return { curves, version, loadedFor }
}
