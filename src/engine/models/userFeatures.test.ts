import { expect, it } from 'vitest'
import type { ModelName } from '../../shared/config/experiment'
import { experiment } from '../testing/experiment'
import { createModel } from './registry'

const names = (model: ModelName, section: object, features: number): string[] =>
  createModel(experiment(model, {}, section), { users: 3, width: 4, features, vocabulary: 5 }).parameters.map(
    ({ name }) => name,
  )

const FEATURE_LAYERS = { model1: 'W_u.weight', ntm: 'beta_c_layer.weight' } as const

it.each(['model1', 'ntm'] as const)('%s uses features whenever there are any, unless told not to', (model) => {
  const layer = FEATURE_LAYERS[model]
  expect(names(model, {}, 2)).toContain(layer)
  expect(names(model, { has_user_features: true }, 2)).toContain(layer)
  expect(names(model, {}, 0)).not.toContain(layer)
  expect(names(model, { has_user_features: false }, 2)).not.toContain(layer)
})

it('model2 uses features only in gate mode; has_user_features of old files decides nothing', () => {
  expect(names('model2', { has_user_features: true }, 2)).not.toContain('W_u.weight')
  expect(names('model2', { has_user_features: true }, 0)).not.toContain('W_u.weight')
  expect(names('model2', { feature_mode: 'gate', has_user_features: false }, 2)).toContain('W_u.weight')
})

it.each([
  ['model1', { has_user_features: true }, 'model1.has_user_features'],
  ['ntm', { has_user_features: true }, 'ntm.has_user_features'],
  ['model2', { feature_mode: 'gate' }, 'model2.feature_mode'],
] as const)('%s refuses %o without features, and names the flag that selects some', (model, section, key) => {
  expect(() => names(model, section, 0)).toThrow(
    expect.objectContaining({
      code: 'config_invalid',
      details: expect.objectContaining({ key, fix: expect.stringContaining('--features') }),
    }),
  )
})
