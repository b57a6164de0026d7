import fs from 'node:fs'
import { messageOf } from '../../shared/errors'
import { openStore, type Store, type StoreOptions } from './openStore'
import { noteFolder, syncLogDir } from './syncRuns'
import { importTensorBoard } from './tensorboard/importTensorBoard'

/**
 * Opens the history and, where its database was lost or damaged, reads every run back from the folders that it once knew.
 *
 * @param tell what was repaired, in words for a person
 */
export async function openHistory(options: StoreOptions, tell: (line: string) => void): Promise<Store> {
  const store = openStore(options)
  for (const line of store.repairs) tell(line)
  for (const { path, kind } of store.lost()) {
    if (!fs.existsSync(path)) {
      tell(`${path} is not there now; import it again once it is`)
      noteFolder(store, path, kind, 0)
      continue
    }
    try {
      if (kind === 'runs') await syncLogDir(store, path)
      else await importTensorBoard(store, path)
      noteFolder(store, path, kind, Date.now())
      tell(`Read the runs back from ${path}`)
    } catch (error) {
      tell(`The runs in ${path} could not be read back: ${messageOf(error)}`)
    }
  }
  return store
}
