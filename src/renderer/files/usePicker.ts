import { client } from '../api/client'
import { useWorkspace } from '../stores/workspace'
import { usePickerQuestion, type PickQuestion } from './picker'

/**
 * Lets a person choose files, a folder, or the place of a new file (`save`), on the machine that holds the data: by the system's dialog, or on a
 * served page by one of its own. `PickerHost` has to stand in the page once.
 */
export function usePicker() {
  const workspace = useWorkspace()
  const question = usePickerQuestion()

  /** Empty when it was cancelled. Rejects with an AppError. */
  async function pick(asked: PickQuestion): Promise<string[]> {
    const { dialogs } = workspace.info ?? (await client.request('app.info', {}))
    if (!dialogs) return question.ask(asked)
    return (await client.request('files.pick', asked)).paths
  }

  return { pick }
}
