import { computed, shallowRef, watch, type Ref } from 'vue'
import type { RequestOutput } from '../../shared/api/requests'
import type { ExamplePair, ExamplesOf, Pattern, PatternCounts } from '../../shared/domain/examples'
import { AppError } from '../../shared/errors'
import { client } from '../api/client'

/** Pairs that are asked for at once. */
const PAGE = 50

export interface ExampleChoice {
  pattern: Pattern | null
  user: string | null
  order: 'data' | 'disagreement'
}

/**
 * How runs agree on the same pairs, and the pairs of a selection as far as they have been asked for. Answers to earlier questions are
 * dropped.
 */
export function useExamples(of: Ref<ExamplesOf | undefined>, choice: Ref<ExampleChoice>) {
  const agreement = shallowRef<RequestOutput<'compare.agreement'>>()
  const rows = shallowRef<readonly ExamplePair[]>([])
  const total = shallowRef<number>()
  /** Of the chosen user, or of all. */
  const patterns = shallowRef<PatternCounts>()
  const fault = shallowRef<AppError>()
  const reading = shallowRef(false)
  const about = computed(() => JSON.stringify(of.value))
  const question = computed(() => `${about.value} ${JSON.stringify(choice.value)}`)

  watch(
    about,
    async (asked) => {
      agreement.value = undefined
      fault.value = undefined
      if (!of.value) return
      try {
        const answer = await client.request('compare.agreement', of.value)
        if (asked === about.value) agreement.value = answer
      } catch (thrown) {
        if (asked === about.value) fault.value = AppError.from(thrown)
      }
    },
    { immediate: true },
  )

  async function read(offset: number): Promise<void> {
    const asked = question.value
    if (!of.value) return
    reading.value = true
    try {
      const page = await client.request('compare.examples', { ...of.value, ...choice.value, offset, limit: PAGE })
      if (asked !== question.value) return
      rows.value = offset === 0 ? page.rows : [...rows.value, ...page.rows]
      total.value = page.total
      patterns.value = page.patterns
    } catch (thrown) {
      if (asked === question.value) fault.value ??= AppError.from(thrown)
    } finally {
      if (asked === question.value) reading.value = false
    }
  }

  watch(
    question,
    () => {
      total.value = undefined
      rows.value = []
      if (agreement.value) fault.value = undefined
      void read(0)
    },
    { immediate: true },
  )
  watch(about, () => {
    rows.value = []
    patterns.value = undefined
  })

  const more = (): void => {
    if (!reading.value && total.value !== undefined && rows.value.length < total.value) void read(rows.value.length)
  }
  return { agreement, rows, total, patterns, fault, reading, more }
}
