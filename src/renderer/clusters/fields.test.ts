import { expect, it } from 'vitest'
import { clusterSchema } from '../../shared/domain/cluster'
import { clusterGroups } from './fields'

it('a key of a profile has no field, or one without a name, a word of help or the right kind', () => {
  const fields = clusterGroups().flatMap((group) => group.fields)
  const keys = Object.keys(clusterSchema.shape).filter((key) => key !== 'launcher')
  expect(fields.map(({ key }) => key).sort()).toEqual(keys.sort())
  for (const { title, key, help } of fields) {
    expect(title).not.toBe(key)
    expect(help).not.toBe('')
  }
  const kinds = Object.fromEntries(fields.map(({ key, kind }) => [key, kind]))
  expect(kinds).toMatchObject({ host: 'text', cpus: 'int', poll_seconds: 'number', preamble: 'lines', delta: 'words' })
  expect(fields.find(({ key }) => key === 'attempts')).toMatchObject({ min: 1, max: 100, default: 10 })
})
