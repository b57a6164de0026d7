import { onScopeDispose, shallowRef, watch } from 'vue'
import { AppError } from '../../shared/errors'

/** The answer to a question that may become another one: an answer to an earlier question is dropped. */
export function useAnswer<Question, Answer>(
  question: () => Question | undefined,
  ask: (question: Question) => Promise<Answer>,
) {
  const answer = shallowRef<Answer>()
  const failure = shallowRef<AppError>()
  let asking = 0

  async function load(): Promise<void> {
    const number = ++asking
    const now = question()
    answer.value = undefined
    failure.value = undefined
    if (now === undefined) return
    try {
      const found = await ask(now)
      if (number === asking) answer.value = found
    } catch (thrown) {
      if (number === asking) failure.value = AppError.from(thrown)
    }
  }

  watch(
    () => JSON.stringify(question()),
    () => void load(),
    { immediate: true },
  )
  onScopeDispose(() => asking++)
  return { answer, failure, again: () => void load() }
}
