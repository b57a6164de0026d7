import { defineStore } from 'pinia'
import { ref } from 'vue'
import type { RequestOutput } from '../../shared/api/requests'
import { AppError } from '../../shared/errors'
import { client } from '../api/client'
import type { ConnectionState } from '../api/transport'

/** What all pages share: where the runs lie, whether core answers, and the errors that nobody has dismissed yet. */
export const useWorkspace = defineStore('workspace', () => {
  const info = ref<RequestOutput<'app.info'>>()
  const connection = ref<ConnectionState>('connecting')
  const errors = ref<AppError[]>([])

  /** An error stays until it is dismissed; the same one is not shown twice. */
  function report(thrown: unknown): void {
    const error = AppError.from(thrown)
    if (!errors.value.some(({ message }) => message === error.message)) errors.value.push(error)
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
  return { info, connection, errors, report, dismiss }
})
