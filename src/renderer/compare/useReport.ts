import { onBeforeUnmount, ref, type Ref } from 'vue'
import type { RequestInput } from '../../shared/api/requests'
import { AppError } from '../../shared/errors'
import { client } from '../api/client'
import { useSaveFile } from '../files/saveFile'
import { useWorkspace } from '../stores/workspace'

export interface Report {
  /** In percent, while it is made. */
  progress: Ref<number | undefined>
  make: (query: RequestInput<'compare.report'>, name: string) => Promise<void>
  cancel: () => void
}

/** The whole comparison as one file: made, with its progress, and saved; whoever leaves the page ends it. */
export function useReport(): Report {
  const ticket = `report-${Math.random().toString(36).slice(2)}`
  const workspace = useWorkspace()
  const saveFile = useSaveFile()
  const progress = ref<number>()

  async function make(query: RequestInput<'compare.report'>, name: string): Promise<void> {
    if (progress.value !== undefined) return
    progress.value = 0
    try {
      const { html } = await client.request('compare.report', { ...query, ticket })
      await saveFile({ title: 'Save the report', name, extension: 'html' }, html)
    } catch (thrown) {
      if (AppError.from(thrown).code !== 'stopped') workspace.report(thrown)
    } finally {
      progress.value = undefined
    }
  }

  const cancel = (): void => void client.request('compare.cancel', { ticket }).catch(() => undefined)
  const undo = client.on('compare.work', ({ ticket: whose, done, total }) => {
    if (whose === ticket && progress.value !== undefined) progress.value = Math.round((100 * done) / Math.max(1, total))
  })
  onBeforeUnmount(() => {
    undo()
    if (progress.value !== undefined) cancel()
  })
  return { progress, make, cancel }
}
