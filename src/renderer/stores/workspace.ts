import { defineStore } from 'pinia'
import { ref, shallowRef } from 'vue'
import type { RequestOutput } from '../../shared/api/requests'
import { AppError } from '../../shared/errors'
import { client } from '../api/client'
import type { ConnectionState } from '../api/transport'

export interface Notice {
  text: string
  action?: { label: string; run: () => void }
}

/** Long enough to read it and to reach for Undo. */
const NOTICE_MS = 12_000

/** What all pages share: where the runs lie, whether core answers, and the errors that nobody has dismissed yet. */
export const useWorkspace = defineStore('workspace', () => {
  const info = ref<RequestOutput<'app.info'>>()
  const connection = ref<ConnectionState>('connecting')
  const errors = ref<AppError[]>([])
  const notice = shallowRef<Notice>()

  /** An error stays until it is dismissed; the same one is not shown twice. */
  function report(thrown: unknown): void {
    const error = AppError.from(thrown)
    if (!errors.value.some(({ message }) => message === error.message)) errors.value.push(error)
  }

  let timer: ReturnType<typeof setTimeout> | undefined
  /** Says what has been done, for a while, with a way to take it back where there is one. */
  function tell(text: string, action?: Notice['action']): void {
    clearTimeout(timer)
    notice.value = { text, ...(action && { action }) }
    timer = setTimeout(() => (notice.value = undefined), NOTICE_MS)
  }

  function dismiss(error: AppError): void {
    errors.value = errors.value.filter((other) => other.message !== error.message)
  }

  async function load(): Promise<void> {
    try {
      info.value = await client.request('app.info', {})
    } catch (error) {
      report(error)
    }
  }

  client.onState((state) => {
    const back = state === 'open' && connection.value !== 'open'
    connection.value = state
    if (back) void load()
  })
  return { info, connection, errors, notice, report, dismiss, tell }
})
