import { useCommands, type Command } from './commands'

/** The second key of two has to come within this time. */
const SEQUENCE_MS = 1200

export const isMac = navigator.platform.startsWith('Mac')

/** Runs commands by their keys. Returns what ends that. */
export function listenForKeys(target: Window): () => void {
  const commands = useCommands()
  let first: { key: string; at: number } | undefined

  const onKey = (event: KeyboardEvent): void => {
    if (event.defaultPrevented || event.isComposing) return
    const pressed = nameOf(event)
    const before = first && event.timeStamp - first.at < SEQUENCE_MS ? `${first.key} ` : ''
    first = undefined
    const typing = isTyping(event.target)
    const free = (command: Command): boolean => !typing || command.whileTyping === true
    // The newest wins: what a dialog adds goes before its page.
    const found = commands.all
      .toReversed()
      .find((one) => one.run !== undefined && one.keys === before + pressed && free(one))
    if (found?.run) {
      event.preventDefault()
      found.run()
    } else if (!typing && commands.all.some(({ keys }) => keys?.startsWith(`${pressed} `) === true)) {
      first = { key: pressed, at: event.timeStamp }
    }
  }
  target.addEventListener('keydown', onKey)
  return () => target.removeEventListener('keydown', onKey)
}

function nameOf({ key, ctrlKey, metaKey, altKey, shiftKey }: KeyboardEvent): string {
  const modifier = isMac ? metaKey : ctrlKey
  const letter = key.length === 1 ? key.toLowerCase() : key
  // With a character the shift is in it already: `?`.
  const shift = shiftKey && (key.length > 1 || modifier || /[a-z]/i.test(key))
  return [modifier && 'Mod', altKey && 'Alt', shift && 'Shift', letter].filter(Boolean).join('+')
}

function isTyping(target: EventTarget | null): boolean {
  if (target instanceof HTMLInputElement) return !['radio', 'checkbox', 'button', 'range'].includes(target.type)
  return target instanceof HTMLElement && (target instanceof HTMLTextAreaElement || target.isContentEditable)
}

const CAPS: Record<string, string> = {
  ...{ Mod: isMac ? '⌘' : 'Ctrl', '-': '−' },
  ...{ ArrowLeft: '←', ArrowRight: '→', ArrowUp: '↑', ArrowDown: '↓' },
}

/** `Mod+k` as it stands on the keyboard; the key itself may be a plus. */
export function keyCaps(keys: string): string[] {
  return keys.split(' ').map((stroke) =>
    stroke
      .split(/(?<=.)\+/)
      .map((part) => CAPS[part] ?? (part.length === 1 ? part.toUpperCase() : part))
      .join(isMac ? '' : '+'),
  )
}
