import { defineStore } from 'pinia'
import { computed, ref, shallowRef } from 'vue'
import type { CheckedCluster, ClusterAnswer, ClusterSummary } from '../../shared/domain/clusters'
import type { DocumentProblem } from '../../shared/domain/experiment'
import { AppError } from '../../shared/errors'
import { client } from '../api/client'
import { DocumentSync, type FormValue } from '../experiment/documentSync'
import { useWorkspace } from '../stores/workspace'

/** After the last keystroke. */
const CHECK_AFTER_MS = 150

/** What asking a cluster has told; `failed` where it could not even be asked. */
export type Looked =
  { kind: 'looking' } | { kind: 'told'; answers: readonly ClusterAnswer[] } | { kind: 'failed'; error: AppError }

/** Profiles of clusters: those that are stored, what they were found to be, and the one that is being written. */
export const useClusters = defineStore('clusters', () => {
  const workspace = useWorkspace()
  const profiles = shallowRef<readonly ClusterSummary[]>()
  const looked = shallowRef<ReadonlyMap<string, Looked>>(new Map())
  /** Name that the profile was stored under; undefined for a new one. */
  const former = ref<string>()
  const name = ref('')
  const yaml = ref('')
  const stored = ref('')
  const checked = shallowRef<CheckedCluster>()
  const waiting = shallowRef<ReadonlyMap<string, FormValue>>(new Map())
  const saving = ref(false)
  let opened = false

  const sync = new DocumentSync<FormValue, CheckedCluster>({
    check: (text, changes) => client.request('clusters.check', { yaml: text, changes }),
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
  })
  const problems = computed(() => checked.value?.problems ?? [])
  const readable = computed(() => checked.value?.readable !== false)
  const changed = computed(() => yaml.value !== stored.value || name.value !== (former.value ?? ''))

  async function load(): Promise<void> {
    try {
      profiles.value = (await client.request('clusters.list', {})).profiles
    } catch (error) {
      workspace.report(error)
    }
  }

  /** @param which undefined for a new one. What was being written of the same one stays. */
  async function open(which: string | undefined): Promise<void> {
    if (opened && which === former.value && changed.value) return sync.edited()
    try {
      const text =
        which === undefined
          ? await client.request('clusters.draft', {})
          : await client.request('clusters.get', { name: which })
      begin(which, text.yaml)
      stored.value = which === undefined ? '' : text.yaml
    } catch (error) {
      workspace.report(error)
    }
  }
  function begin(which: string | undefined, text: string): void {
    opened = true
    former.value = which
    name.value = which ?? ''
    yaml.value = text
    checked.value = undefined
    waiting.value = new Map()
    sync.replaced()
  }

  const valueOf = (key: string): FormValue | undefined =>
    waiting.value.has(key) ? waiting.value.get(key) : checked.value?.values[key]
  const problemsAt = (key: string): DocumentProblem[] =>
    problems.value.filter((one) => one.key === key || one.key.startsWith(`${key}.`))

  function set(key: string, value: FormValue): void {
    if (!readable.value) return
    sync.change({ [key]: value })
    waiting.value = new Map(sync.waiting)
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

  /** @returns whether it is stored now */
  async function save(): Promise<boolean> {
    if (saving.value) return false
    saving.value = true
    const [text, named] = [yaml.value, name.value]
    try {
      const { kept } = await client.request('clusters.save', {
        ...{ name: named, yaml: text },
        ...(former.value !== undefined && { former: former.value }),
      })
      if (!kept) return false
      former.value = named
      stored.value = text
      forgetLook(named)
      await load()
      return true
    } catch (error) {
      workspace.report(error)
      return false
    } finally {
      saving.value = false
    }
  }

  async function copy(which: string): Promise<string | undefined> {
    try {
      const made = await client.request('clusters.copy', { name: which })
      await load()
      return made.name
    } catch (error) {
      workspace.report(error)
      return undefined
    }
  }

  async function remove(which: string): Promise<void> {
    try {
      await client.request('clusters.delete', { name: which })
      forgetLook(which)
    } catch (error) {
      workspace.report(error)
    }
    await load()
  }

  async function look(which: string): Promise<void> {
    tell(which, { kind: 'looking' })
    try {
      const { answers } = await client.request('clusters.look', { name: which })
      tell(which, { kind: 'told', answers })
    } catch (thrown) {
      tell(which, { kind: 'failed', error: AppError.from(thrown) })
    }
  }
  const tell = (which: string, what: Looked): void => void (looked.value = new Map(looked.value).set(which, what))
  const forgetLook = (which: string): void =>
    void (looked.value = new Map([...looked.value].filter(([one]) => one !== which)))

  return {
    ...{ profiles, looked, former, name, yaml, checked, problems, readable, changed, saving },
    ...{ load, open, valueOf, problemsAt, set, edit, repair, save, copy, remove, look },
  }
})
