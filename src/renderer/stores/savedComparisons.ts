import { defineStore } from 'pinia'
import { shallowRef } from 'vue'
import { useRouter, type LocationQuery } from 'vue-router'
import type { SavedComparison } from '../../shared/domain/savedComparisons'
import { client } from '../api/client'
import { oneAtATime } from './oneAtATime'
import { useWorkspace } from './workspace'

/** Comparisons that are kept under a name. */
export const useSavedComparisons = defineStore('saved-comparisons', () => {
  const workspace = useWorkspace()
  const all = shallowRef<readonly SavedComparison[]>([])

  const refresh = oneAtATime(async () => {
    all.value = (await client.request('compare.saved', {})).comparisons
  }, workspace.report)
  client.on('comparisons.changed', refresh)
  client.onState((state) => state === 'open' && refresh())

  /** The address of one, which says its name too. Rejects with an AppError. */
  async function addressOf(name: string): Promise<Record<string, string>> {
    return { ...(await client.request('compare.open', { name })).address, name }
  }

  /** Keeps an address; `replace` where one of that name is meant. Rejects with an AppError. */
  async function save(name: string, address: LocationQuery, replace: boolean): Promise<void> {
    const texts = Object.entries(address).flatMap(([key, value]) =>
      key !== 'name' && typeof value === 'string' ? [[key, value] as const] : [],
    )
    await client.request('compare.save', { name, address: Object.fromEntries(texts), replace })
  }

  async function rename(from: string, to: string): Promise<void> {
    await client.request('compare.rename', { from, to })
  }

  /** It can be taken back for a while. */
  async function forget(name: string): Promise<void> {
    const { address } = await client.request('compare.open', { name })
    await client.request('compare.forget', { name })
    const undo = (): void => void save(name, address, false).catch(workspace.report)
    workspace.tell(`The comparison ${name} was deleted; its runs are untouched.`, { label: 'Undo', run: undo })
  }

  return { all, addressOf, save, rename, forget }
})

/** Goes to a saved comparison. */
export function useOpenSaved(): (name: string) => void {
  const router = useRouter()
  const { report } = useWorkspace()
  const saved = useSavedComparisons()
  return (name) => void saved.addressOf(name).then((query) => router.push({ name: 'compare', query }), report)
}
