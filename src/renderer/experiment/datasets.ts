import type { RequestOutput } from '../../shared/api/requests'

export interface DatasetChoice {
  key: string
  name: string
  file: string
  /** Of the configuration that is read where no file is named. */
  usual: boolean
  label: string
}

const STATES = { ready: '', missing: ' (files are missing)', broken: ' (its configuration is broken)' } as const

/** Data sets to choose from, by the section and the file that hold them; those that can be trained on first. */
export function datasetChoices({ datasets }: RequestOutput<'datasets.list'>): DatasetChoice[] {
  return datasets
    .toSorted((a, b) => Number(a.state !== 'ready') - Number(b.state !== 'ready'))
    .map(({ key, name, file, source, state }) => {
      const twice = datasets.some((other) => other.name === name && other.file !== file)
      return {
        key,
        name,
        file,
        usual: source === 'bundled',
        label: `${name}${twice ? ` (${file})` : ''}${STATES[state]}`,
      }
    })
}
