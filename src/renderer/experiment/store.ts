import { defineStore } from 'pinia'
import { computed, ref, shallowRef, watch } from 'vue'
import { z } from 'zod'
import type { RequestInput, RequestOutput } from '../../shared/api/requests'
import { MODEL_NAMES, type ModelName } from '../../shared/config/experiment'
import { fieldOf, fieldsOf, hasEffect, sameValue, type FormField } from '../../shared/config/formFields'
import {
  LONGEST_DOCUMENT,
  shownValueSchema,
  type CheckedDocument,
  type DocumentProblem,
  type DraftOrigin,
  type ExperimentEstimate,
  type Preset,
} from '../../shared/domain/experiment'
import { parseSeeds } from '../../shared/domain/seeds'
import { AppError } from '../../shared/errors'
import { client } from '../api/client'
import { useWorkspace } from '../stores/workspace'
import { datasetChoices, type DatasetChoice } from './datasets'
import { DocumentSync, type Changes, type FormValue } from './documentSync'

const STORAGE_KEY = 'delta.experiment'
/** After the last keystroke. */
const CHECK_AFTER_MS = 120
const ESTIMATE_AFTER_MS = 700
/** One page, one probe at a time. */
const TICKET = `page-${Math.random().toString(36).slice(2)}`

/** A draft as it is kept from one visit to the next. What is read back is as untrusted as any other text. */
const keptSchema = z.object({
  format: z.literal(1),
  yaml: z.string().max(LONGEST_DOCUMENT),
  seeds: z.string().max(1_000),
  reference: z.object({ label: z.string().max(500), values: z.record(z.string(), shownValueSchema) }),
})
type Kept = z.infer<typeof keptSchema>

function kept(): Kept | undefined {
  try {
    const parsed = keptSchema.safeParse(JSON.parse(localStorage.getItem(STORAGE_KEY) ?? 'null'))
    return parsed.success ? parsed.data : undefined
  } catch {
    return undefined
  }
}

export type EstimateState =
  | { kind: 'none' }
  | { kind: 'measuring'; last?: ExperimentEstimate }
  | { kind: 'known'; estimate: ExperimentEstimate }
  | { kind: 'failed'; error: AppError }

/** The experiment that is being written: its text, what the form shows of it, and what it would come to. */
export const useExperiment = defineStore('experiment', () => {
  const workspace = useWorkspace()
  const yaml = ref('')
  const seeds = ref('')
  const checked = shallowRef<CheckedDocument>()
  const reference = shallowRef<Kept['reference']>({ label: 'the defaults', values: {} })
  const notes = ref<string[]>([])
  const datasets = shallowRef<readonly DatasetChoice[]>([])
  const presets = shallowRef<readonly Preset[]>([])
  const estimate = shallowRef<EstimateState>({ kind: 'none' })
  const starting = ref(false)
  /** Values of the form that the text does not say yet; it is shown what was typed. */
  const waiting = shallowRef<ReadonlyMap<string, FormValue>>(new Map())
  let loaded = false

  const seedNumbers = computed(() => (seeds.value.trim() === '' ? [] : parseSeeds(seeds.value)))
  const wantedSeeds = computed(() => (seedNumbers.value?.length ? seeds.value.trim() : undefined))

  const sync = new DocumentSync({
    check: (text, changes) => client.request('experiment.check', { yaml: text, changes, seeds: wantedSeeds.value }),
    text: () => yaml.value,
    written: (text) => (yaml.value = text),
    checked(document) {
      checked.value = document
      waiting.value = new Map(sync.waiting)
    },
    failed(error) {
      waiting.value = new Map(sync.waiting)
      workspace.report(error)
    },
    idle: () => estimateSoon(),
  })

  const values = computed(() => checked.value?.values ?? {})
  const problems = computed(() => checked.value?.problems ?? [])
  const plan = computed(() => checked.value?.plan ?? null)
  /** Nothing in the form can be changed while the text is no YAML. */
  const readable = computed(() => checked.value?.readable !== false)

  const problemsByKey = computed(() => {
    const found = new Map<string, DocumentProblem[]>()
    for (const problem of problems.value) {
      // trainer.betas.1 is shown at trainer.betas.
      const parts = problem.key.split('.')
      const key = parts.map((_, i) => parts.slice(0, parts.length - i).join('.')).find((one) => fieldOf(one)) ?? ''
      found.set(key, [...(found.get(key) ?? []), problem])
    }
    return found
  })

  const model = computed<ModelName>(() => MODEL_NAMES.find((name) => name === valueOf('model_name')) ?? lastModel.value)
  const lastModel = ref<ModelName>('caimira')
  watch(model, (now) => (lastModel.value = now))

  /** What the field shows: what is being typed, what the text says, or the default. */
  function valueOf(key: string): FormValue | undefined {
    const typed = waiting.value.get(key)
    if (typed !== undefined && typed !== null) return typed
    const said = typed === null ? undefined : values.value[key]
    return said ?? usualOf(key)
  }
  const isWritten = (key: string): boolean => values.value[key] !== undefined

  function usualOf(key: string): FormValue | undefined {
    const usual = fieldOf(key)?.default
    if (usual === undefined) return undefined
    return typeof usual === 'object' && usual !== null ? [...usual] : usual
  }

  /** What the field is compared with: the default, or the value of the run or preset that the draft began with. */
  function referenceOf(key: string): FormValue | undefined {
    return reference.value.values[key] ?? usualOf(key)
  }
  function differs({ key }: FormField): boolean {
    const usual = referenceOf(key)
    // Which data it is, neither the defaults nor a preset say.
    if (usual === undefined && key.startsWith('dts_')) return false
    return !sameValue(valueOf(key), usual)
  }

  /** Fields of the model that have an effect, and those that the text sets although they have none. */
  const fields = computed(() =>
    fieldsOf(model.value)
      .map((field) => ({ field, effective: hasEffect(field, valueOf) }))
      .filter(({ field, effective }) => effective || isWritten(field.key) || problemsByKey.value.has(field.key)),
  )

  function change(changes: Changes): void {
    if (!readable.value) return
    sync.change(changes)
    waiting.value = new Map(sync.waiting)
  }

  /** Back to the default, or to the value of the run or preset. */
  function reset(field: FormField): void {
    const wanted = reference.value.values[field.key]
    change({ [field.key]: wanted === undefined || sameValue(wanted, usualOf(field.key)) ? null : wanted })
  }

  let timer: ReturnType<typeof setTimeout> | undefined
  function edit(text: string): void {
    if (text === yaml.value) return
    yaml.value = text
    clearTimeout(timer)
    timer = setTimeout(() => sync.edited(), CHECK_AFTER_MS)
  }

  function repair({ fix }: DocumentProblem): void {
    if (!fix) return
    yaml.value = yaml.value.slice(0, fix.from) + fix.insert + yaml.value.slice(fix.to)
    sync.edited()
  }

  /** A new document. What is chosen already (data, model, names) goes over, where the origin says nothing of it. */
  async function begin(origin: DraftOrigin, keep: RequestInput<'experiment.draft'>['keep'] = chosen()): Promise<void> {
    try {
      const draft = await client.request('experiment.draft', { origin, keep })
      yaml.value = draft.yaml
      reference.value = draft.reference
      notes.value = draft.notes
      sync.replaced()
      waiting.value = new Map()
    } catch (error) {
      workspace.report(error)
    }
  }

  function chosen(): RequestInput<'experiment.draft'>['keep'] {
    const said = (key: string): string | undefined => {
      const value = valueOf(key)
      return typeof value === 'string' && value !== '' && !problemsByKey.value.has(key) ? value : undefined
    }
    return {
      dts_name: said('dts_name'),
      dts_config_file: said('dts_config_file'),
      model_name: model.value,
      exp_name: said('exp_name'),
      exp_version: said('exp_version'),
    }
  }

  /** The draft that was left, or a new one; once. */
  async function open(): Promise<void> {
    if (loaded) {
      sync.edited()
      return
    }
    loaded = true
    const left = kept()
    if (left) {
      yaml.value = left.yaml
      seeds.value = left.seeds
      reference.value = left.reference
      sync.replaced()
    } else await begin({ kind: 'defaults' }, {})
  }

  async function loadDatasets(): Promise<void> {
    try {
      datasets.value = datasetChoices(await client.request('datasets.list', {}))
    } catch (error) {
      workspace.report(error)
    }
  }

  function chooseData({ name, file, usual }: DatasetChoice): void {
    change({ dts_name: name, dts_config_file: usual ? null : file })
  }

  async function loadPresets(): Promise<void> {
    try {
      presets.value = (await client.request('experiment.presets', {})).presets
    } catch (error) {
      workspace.report(error)
    }
  }

  async function savePreset(name: string, description: string): Promise<boolean> {
    try {
      await client.request('experiment.savePreset', { name, description, yaml: yaml.value })
      await loadPresets()
      return true
    } catch (error) {
      workspace.report(error)
      return false
    }
  }

  async function deletePreset({ name }: Preset): Promise<void> {
    try {
      await client.request('experiment.deletePreset', { name })
    } catch (error) {
      workspace.report(error)
    }
    await loadPresets()
  }

  let estimateTimer: ReturnType<typeof setTimeout> | undefined
  let asked = 0
  /** Whether anybody looks: probes are work. */
  let watched = false

  function estimateSoon(): void {
    clearTimeout(estimateTimer)
    if (!watched) return
    const { value } = estimate
    if (plan.value === null) {
      if (value.kind !== 'none') estimate.value = { kind: 'none' }
      return
    }
    estimateTimer = setTimeout(() => void measure(false), ESTIMATE_AFTER_MS)
  }

  async function measure(again: boolean): Promise<void> {
    const question = ++asked
    const { value } = estimate
    const last = value.kind === 'known' ? value.estimate : value.kind === 'measuring' ? value.last : undefined
    estimate.value = { kind: 'measuring', ...(last && { last }) }
    try {
      const answer = await client.request('experiment.estimate', { yaml: yaml.value, ticket: TICKET, again })
      if (question === asked) estimate.value = { kind: 'known', estimate: answer }
    } catch (thrown) {
      const error = AppError.from(thrown)
      // Another question has ended this one.
      if (question === asked) estimate.value = error.code === 'stopped' ? { kind: 'none' } : { kind: 'failed', error }
    }
  }

  /** Returns what ends it, the probe with it. */
  function watchEstimate(): () => void {
    watched = true
    estimateSoon()
    return () => {
      watched = false
      clearTimeout(estimateTimer)
      asked++
      if (estimate.value.kind === 'measuring') estimate.value = { kind: 'none' }
      void client.request('experiment.forget', { ticket: TICKET }).catch(() => undefined)
    }
  }

  /** @returns the new runs, or undefined where it could not be started */
  async function start(place: 'now' | 'end'): Promise<RequestOutput<'experiment.start'>['runs'] | undefined> {
    if (starting.value || seedNumbers.value === null) return undefined
    starting.value = true
    try {
      const { runs } = await client.request('experiment.start', { yaml: yaml.value, place, seeds: wantedSeeds.value })
      return runs
    } catch (error) {
      workspace.report(error)
      return undefined
    } finally {
      starting.value = false
    }
  }

  watch(wantedSeeds, () => sync.edited())
  watch([yaml, seeds, reference], () => {
    const draft: Kept = { format: 1, yaml: yaml.value, seeds: seeds.value, reference: reference.value }
    localStorage.setItem(STORAGE_KEY, JSON.stringify(draft))
  })

  return {
    yaml,
    seeds,
    seedNumbers,
    checked,
    values,
    problems,
    problemsByKey,
    plan,
    readable,
    reference,
    notes,
    datasets,
    presets,
    estimate,
    starting,
    model,
    fields,
    valueOf,
    isWritten,
    referenceOf,
    differs,
    change,
    reset,
    edit,
    repair,
    begin,
    open,
    loadDatasets,
    chooseData,
    loadPresets,
    savePreset,
    deletePreset,
    measure,
    watchEstimate,
    start,
  }
})
