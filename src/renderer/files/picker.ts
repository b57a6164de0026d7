import { defineStore } from 'pinia'
import { shallowRef } from 'vue'
import type { RequestInput } from '../../shared/api/requests'

export type PickQuestion = RequestInput<'files.pick'>

/** The question that is on the screen of a served page; a desktop asks by itself. */
export const usePickerQuestion = defineStore('picker', () => {
  const question = shallowRef<PickQuestion>()
  let settle: (paths: string[]) => void = () => undefined

  /** Resolves to what was chosen; to nothing when it was cancelled, or another question has taken its place. */
  function ask(asked: PickQuestion): Promise<string[]> {
    settle([])
    question.value = asked
    return new Promise((resolve) => (settle = resolve))
  }

  function answer(paths: string[]): void {
    question.value = undefined
    settle(paths)
  }

  return { question, ask, answer }
})
