import { ColumnBuilder, type Columns } from '../columns'
import { readRecords } from './records'
import { readHparams, type SessionInfo } from './hparams'
import { scalarOf } from './tensor'
import { Wire } from './wire'

/** What the event files of one run hold. */
export interface EventData {
  /** One curve a tag. */
  curves: Map<string, Columns>
  session: SessionInfo
  /** Milliseconds since the Unix epoch. */
  first: number | undefined
  last: number | undefined
  /** Values that are no scalars (images, histograms, texts), by tag. */
  otherTags: string[]
  problems: string[]
}

/** tensorflow/core/util/event.proto and framework/summary.proto. */
const EVENT = { wallTime: 1, step: 2, summary: 5, sessionLog: 7 } as const
const VALUE = { tag: 1, simpleValue: 2, image: 4, histogram: 5, audio: 6, tensor: 8, metadata: 9 } as const
const SESSION_START = 1

const NOWHERE = (): Wire => new Wire(Buffer.alloc(0), new DataView(new ArrayBuffer(0)), 0, 0)

interface Tag {
  name: Buffer
  builder: ColumnBuilder
  scalars: number
  others: number
  /** Which plugin its first value named; later ones name none. */
  plugin: string | undefined
}

/** Reads event files in their order: those of one run's folder, sorted by name, as TensorBoard does. */
export class EventReader {
  readonly #tags = new Map<number, Tag[]>()
  readonly #problems: string[] = []
  readonly #session: SessionInfo = { hparams: {} }
  #first = Infinity
  #last = -Infinity
  /** Readers of the three levels of a scalar. */
  readonly #eventWire = NOWHERE()
  readonly #summaryWire = NOWHERE()
  readonly #valueWire = NOWHERE()

  read(file: string, name: string): void {
    const problems = readRecords(file, (bytes, view, from, to) =>
      this.#event(this.#eventWire.reset(bytes, view, from, to)),
    )
    this.#problems.push(...problems.map((problem) => `${name}: ${problem}`))
  }

  finish(): EventData {
    const tags = [...this.#tags.values()].flat()
    const named = (tag: Tag): string => tag.name.toString('utf8')
    return {
      curves: new Map(tags.filter(({ scalars }) => scalars > 0).map((tag) => [named(tag), tag.builder.finish()])),
      session: this.#session,
      first: Number.isFinite(this.#first) ? this.#first : undefined,
      last: Number.isFinite(this.#last) ? this.#last : undefined,
      otherTags: tags.filter(({ others }) => others > 0).map(named),
      problems: this.#problems,
    }
  }

  #event(event: Wire): void {
    let time = 0
    let step = 0
    // Fields of one message may come in any order in principle; every writer sends time and step first.
    while (event.next()) {
      if (event.field === EVENT.wallTime && event.type === 1) time = event.double() * 1000
      else if (event.field === EVENT.step && event.type === 0) step = event.varint
      else if (event.field === EVENT.summary && event.type === 2)
        this.#summary(event.enter(this.#summaryWire), step, time)
      else if (event.field === EVENT.sessionLog && event.type === 2) this.#sessionLog(event.inner(), step)
    }
    if (time === 0) return
    if (time < this.#first) this.#first = time
    if (time > this.#last) this.#last = time
  }

  /** A training that began again at `step` says that later points are void; TensorBoard drops them, and so do we. */
  #sessionLog(log: Wire, step: number): void {
    while (log.next()) {
      if (log.field !== 1 || log.varint !== SESSION_START) continue
      for (const tags of this.#tags.values()) for (const { builder } of tags) builder.forgetFrom(step)
    }
  }

  #summary(summary: Wire, step: number, time: number): void {
    while (summary.next())
      if (summary.field === 1 && summary.type === 2) this.#value(summary.enter(this.#valueWire), step, time)
  }

  #value(value: Wire, step: number, time: number): void {
    let tag: Tag | undefined
    let scalar: number | undefined
    let tensor: Wire | undefined
    let other = false
    while (value.next()) {
      switch (value.field) {
        case VALUE.tag:
          tag = this.#tag(value.bytes, value.from, value.to)
          break
        case VALUE.simpleValue:
          if (value.type === 5) scalar = value.float()
          break
        case VALUE.tensor:
          tensor = value.inner()
          break
        case VALUE.metadata:
          this.#metadata(value.inner(), tag)
          break
        case VALUE.image:
        case VALUE.histogram:
        case VALUE.audio:
          other = true
          break
      }
    }
    if (!tag) return
    if (scalar === undefined && tensor && (tag.plugin === undefined || tag.plugin === 'scalars'))
      scalar = scalarOf(tensor)
    if (scalar !== undefined) {
      tag.scalars++
      tag.builder.add(step, -1, time, scalar)
    } else if (other || (tensor && tag.plugin !== 'hparams')) tag.others++
  }

  /** SummaryMetadata: plugin_data = 1 {plugin_name = 1, content = 2}. */
  #metadata(metadata: Wire, tag: Tag | undefined): void {
    while (metadata.next()) {
      if (metadata.field !== 1 || metadata.type !== 2) continue
      const plugin = metadata.inner()
      let name = ''
      while (plugin.next()) {
        if (plugin.field === 1) name = plugin.text()
        else if (plugin.field === 2 && name === 'hparams') readHparams(plugin.inner(), this.#session)
      }
      if (tag) tag.plugin ??= name
    }
  }

  /** Finds a tag by its bytes (FNV-1a): millions of values have few names, and decoding each would take most of the time. */
  #tag(bytes: Buffer, from: number, to: number): Tag {
    let hash = 0x811c9dc5
    for (let i = from; i < to; i++) hash = Math.imul(hash ^ (bytes[i] ?? 0), 0x01000193)
    const known = this.#tags.get(hash)
    const found = known?.find(({ name }) => sameBytes(name, bytes, from, to))
    if (found) return found
    const tag: Tag = {
      name: Buffer.from(bytes.subarray(from, to)),
      builder: new ColumnBuilder(),
      scalars: 0,
      others: 0,
      plugin: undefined,
    }
    if (known) known.push(tag)
    else this.#tags.set(hash, [tag])
    return tag
  }
}

function sameBytes(name: Buffer, bytes: Buffer, from: number, to: number): boolean {
  if (name.length !== to - from) return false
  for (let i = 0; i < name.length; i++) if (name[i] !== bytes[from + i]) return false
  return true
}
