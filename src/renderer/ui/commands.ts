import { defineStore } from 'pinia'
import { computed, onBeforeUnmount, shallowRef } from 'vue'

/** Something that a person can have done by its name, from the palette, or by its keys. */
export interface Command {
  id: string
  title: string
  /** Heading in the palette and the shortcut sheet. */
  section: string
  /** Keys as `event.key` names them: `/`, `Mod+Enter`, or one after the other, `g r`. `Mod` is Ctrl, or ⌘ on a Mac. */
  keys?: string
  /** Words besides the title that find it. */
  words?: string
  /** Also while somebody is typing; only sensible for keys with a modifier. */
  whileTyping?: boolean
  /** Only its keys are of interest. */
  hidden?: boolean
  /** Absent: the part of the page that has the focus answers to the keys by itself, and the sheet tells of them. */
  run?: () => void
}

export const useCommands = defineStore('commands', () => {
  const all = shallowRef<readonly Command[]>([])
  const listed = computed(() => all.value.filter(({ hidden, run }) => hidden !== true && run !== undefined))

  /** Returns what takes them away again. */
  function add(commands: readonly Command[]): () => void {
    all.value = [...all.value, ...commands]
    return () => (all.value = all.value.filter((one) => !commands.includes(one)))
  }

  return { all, listed, add }
})

/** Commands that exist as long as the component does. */
export function useCommandsHere(commands: readonly Command[]): void {
  onBeforeUnmount(useCommands().add(commands))
}
