import { defineStore } from 'pinia'
import { computed, ref, shallowRef, watch } from 'vue'
import { z } from 'zod'
import type { RequestInput, RequestOutput } from '../../shared/api/requests'
import { MODEL_NAMES, type ModelName } from '../../shared/config/experiment'
import { fieldOf, fieldsOf, hasEffect } from '../../shared/config/formFields'
import { LONGEST_DOCUMENT, type DocumentProblem } from '../../shared/domain/experiment'
import type { Parameter } from '../../shared/domain/sweep'
import type { CheckedSweep, SweepKey, SweepOrigin } from '../../shared/domain/sweeps'
import { AppError } from '../../shared/errors'
import { client } from '../api/client'
import { DocumentSync, type FormValue } from '../experiment/documentSync'
import { useExperiment } from '../experiment/store'
import { useWorkspace } from '../stores/workspace'
import { canBeTried } from './parameterText'

const STORAGE_KEY = 'delta.sweep'
/** After the last keystroke. */
const CHECK_AFTER_MS = 150
const PLAN_AFTER_MS = 900
const TICKET = `sweep-${Math.random().toString(36).slice(2)}`

const keptSchema = z.object({
  format: z.literal(1),
  yaml: z.string().max(LONGEST_DOCUMENT),
  cluster: z.string().max(100).optional(),
})

function kept(): z.infer<typeof keptSchema> | undefined {
  try {
    return keptSchema.safeParse(JSON.parse(localStorage.getItem(STORAGE_KEY) ?? 'null')).data
  } catch {
    return undefined
  }
}

export type Measured =
  | { kind: 'none' }
  | { kind: 'measuring' }
  | { kind: 'known'; plan: RequestOutput<'sweeps.plan'> }
  | { kind: 'failed'; error: AppError }

type Change = NonNullable<RequestInput<'sweeps.check'>['changes']>[string]

/** The sweep that is being written: its text, what the form shows of it, and what it would come to. */
export const useSweepDraft = defineStore('sweepDraft', () => {
  const workspace = useWorkspace()
  const experiment = useExperiment()
  const yaml = ref('')
  /** Stored profile of the cluster that is to train it; empty for this machine. */
  const cluster = ref('')
  const checked = shallowRef<CheckedSweep>()
  const measured = shallowRef<Measured>({ kind: 'none' })
  const files = shallowRef<RequestOutput<'sweeps.files'>['files']>([])
  const starting = ref(false)
  /** What the form has changed and the text does not say yet; it is shown what was chosen. */
  const waiting = shallowRef<ReadonlyMap<string, Change>>(new Map())
  let loaded = false

  const sync = new DocumentSync<Change, CheckedSweep>({
    check: (text, changes) => client.request('sweeps.check', { yaml: text, changes }),
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
    idle: () => planSoon(),
  })

  const problems = computed(() => checked.value?.problems ?? [])
  const plan = computed(() => checked.value?.plan ?? null)
  const readable = computed(() => checked.value?.readable !== false)
  const parameters = computed(() => {
    const shown = new Map(checked.value?.parameters.map(({ key, parameter }) => [key, parameter]))
    for (const [key, change] of waiting.value) {
      if (!key.startsWith('parameters.')) continue
      const name = key.slice('parameters.'.length)
      if (change === null) shown.delete(name)
      else if (typeof change === 'object' && !Array.isArray(change)) shown.set(name, change)
    }
    return shown
  })
  const model = computed<ModelName>(() => MODEL_NAMES.find((name) => name === baseOf('model_name')) ?? 'caimira')

  /** What a key of the base has: what was chosen, what the text says, or the default. */
  function baseOf(key: string): FormValue | undefined {
    const chosen = plain(waiting.value.get(`base.${key}`))
    if (chosen !== undefined && chosen !== null) return chosen
    const said = chosen === null ? undefined : checked.value?.values[key]
    if (said !== undefined) return said
    const usual = fieldOf(key)?.default
    return typeof usual === 'object' && usual !== null ? [...usual] : usual
  }
  function settingOf(key: SweepKey): FormValue | undefined {
    const chosen = waiting.value.get(key)
    if (chosen === null) return undefined
    return Array.isArray(chosen) ? chosen.join(', ') : (plain(chosen) ?? checked.value?.settings[key])
  }
  /** Lists and parameters are shown by others. */
  function plain(change: Change | undefined): string | number | boolean | null | undefined {
    return typeof change === 'object' && change !== null ? undefined : change
  }

  /** Fields that a sweep of this model can try; those without an effect only where they are tried or set. */
  const fields = computed(() =>
    fieldsOf(model.value).filter(
      (field) =>
        canBeTried(field) &&
        (parameters.value.has(field.key) ||
          checked.value?.values[field.key] !== undefined ||
          hasEffect(field, (key) => (parameters.value.has(key) ? tried(key) : baseOf(key)))),
    ),
  )
  /** A value of a tried key under which most of what hangs on it has an effect. */
  function tried(key: string): FormValue | undefined {
    const usual = fieldOf(key)?.only === undefined ? baseOf(key) : undefined
    const values = parameters.value.get(key)?.values
    const other = values?.find((value) => value !== usual && !Array.isArray(value))
    return other === undefined || Array.isArray(other) ? usual : (other as FormValue)
  }

  /** Of a field, by the key that is at fault. */
  const problemsAt = (...starts: string[]): DocumentProblem[] =>
    problems.value.filter(({ key }) => starts.some((start) => key === start || key.startsWith(`${start}.`)))
  const homeless = computed(() => {
    const known = new Set([
      ...fields.value.flatMap(({ key }) => [`base.${key}`, `parameters.${key}`]),
      ...['method', 'metric', 'direction', 'seeds', 'budget', 'options', 'base.dts_name', 'base.model_name'],
    ])
    return problems.value.filter(({ key }) => ![...known].some((start) => key === start || key.startsWith(`${start}.`)))
  })

  const change = (changes: Readonly<Record<string, Change>>): void => {
    if (!readable.value) return
    sync.change(changes)
    waiting.value = new Map(sync.waiting)
  }
  const setBase = (key: string, value: FormValue): void => change({ [`base.${key}`]: value })
  const setParameter = (key: string, parameter: Parameter | null): void =>
    change({ [`parameters.${key}`]: parameter && { ...parameter } })

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

  async function begin(origin: SweepOrigin): Promise<void> {
    try {
      yaml.value = (await client.request('sweeps.draft', { origin })).yaml
      sync.replaced()
      waiting.value = new Map()
    } catch (error) {
      workspace.report(error)
    }
  }

  /** The draft that was left, or one over the experiment that is being written; once. */
  async function open(): Promise<void> {
    void loadFiles()
    if (loaded) return sync.edited()
    loaded = true
    const left = kept()
    cluster.value = left?.cluster ?? ''
    if (left !== undefined && left.yaml.trim() !== '') {
      yaml.value = left.yaml
      sync.replaced()
    } else {
      await experiment.open()
      await begin({ kind: 'experiment', yaml: experiment.yaml })
    }
  }

  async function loadFiles(): Promise<void> {
    try {
      files.value = (await client.request('sweeps.files', {})).files
    } catch (error) {
      workspace.report(error)
    }
  }

  let planTimer: ReturnType<typeof setTimeout> | undefined
  let asked = 0
  let watched = false
  /** The text that was measured last. */
  let planned = ''

  function planSoon(): void {
    clearTimeout(planTimer)
    // How long it takes there, this machine cannot measure.
    if (!watched || cluster.value !== '' || yaml.value === planned) return
    if (plan.value === null) {
      asked++
      planned = ''
      measured.value = { kind: 'none' }
      return
    }
    planTimer = setTimeout(() => void measure(), PLAN_AFTER_MS)
  }

  async function measure(): Promise<void> {
    const question = ++asked
    const text = yaml.value
    measured.value = { kind: 'measuring' }
    try {
      const answer = await client.request('sweeps.plan', { yaml: text, ticket: TICKET })
      if (question !== asked) return
      planned = text
      measured.value = { kind: 'known', plan: answer }
    } catch (thrown) {
      const error = AppError.from(thrown)
      if (question === asked) measured.value = error.code === 'stopped' ? { kind: 'none' } : { kind: 'failed', error }
    }
  }

  /** Returns what ends it, the dry run with it. */
  function watchPlan(): () => void {
    watched = true
    planSoon()
    return () => {
      watched = false
      forgetPlan()
    }
  }
  function forgetPlan(): void {
    clearTimeout(planTimer)
    asked++
    if (measured.value.kind === 'measuring') measured.value = { kind: 'none' }
    void client.request('sweeps.forget', { ticket: TICKET }).catch(() => undefined)
  }

  /** @returns the new sweep's name, or undefined where it could not be started */
  async function start(): Promise<string | undefined> {
    if (starting.value) return undefined
    starting.value = true
    try {
      const where = cluster.value === '' ? {} : { cluster: cluster.value }
      return (await client.request('sweeps.start', { yaml: yaml.value, ...where })).name
    } catch (error) {
      workspace.report(error)
      return undefined
    } finally {
      starting.value = false
    }
  }

  watch([yaml, cluster], ([text, where]) =>
    localStorage.setItem(STORAGE_KEY, JSON.stringify({ format: 1, yaml: text, cluster: where })),
  )
  watch(cluster, () => {
    if (cluster.value !== '') forgetPlan()
    else planSoon()
  })

  return {
    ...{
      yaml,
      cluster,
      checked,
      measured,
      files,
      starting,
      problems,
      plan,
      readable,
      parameters,
      model,
      fields,
      homeless,
    },
    ...{ baseOf, settingOf, problemsAt, change, setBase, setParameter, edit, repair, begin, open },
    ...{ measure, watchPlan, start },
  }
})
