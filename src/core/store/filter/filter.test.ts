import fc from 'fast-check'
import { beforeAll, afterAll, describe, expect, test } from 'vitest'
import { columnsOf } from '../columns'
import { flattenConfig } from '../flatten'
import { openStore, type Store } from '../openStore'
import { batches, newRun, temporaryFolder } from '../testing/storeFixture'

let store: Store
let remove: () => void
beforeAll(() => {
  const folder = temporaryFolder()
  remove = folder.remove
  store = openStore({ dir: folder.dir })
  const add = (
    version: string,
    status: 'finished' | 'failed',
    config: object,
    figures: object,
    tags: string[],
  ): void => {
    const key = store.runs.create(
      newRun({ exp_version: version, status, created: Date.UTC(2026, 2, 1) + Number(version.slice(1)) * 86_400_000 }),
    )
    store.runs.setParams(key, 'params', flattenConfig(config))
    store.metrics.replace(key, columnsOf(batches(0, 1, () => ({ ...Object(figures) }))))
    store.annotations.change(key, undefined, { addTags: tags })
  }
  add('v0', 'finished', { trainer: { learning_rate: 0.0005, name: 'Adam' }, on: true }, { test_acc: 0.85 }, [
    'baseline',
  ])
  add('v1', 'finished', { trainer: { learning_rate: 0.01, name: 'SGD' }, on: false }, { test_acc: 0.9 }, ['baseline'])
  add('v2', 'failed', { trainer: { learning_rate: 0.0001, clip: null } }, { 'train/loss': 3 }, [
    "rob'; DROP TABLE runs; --",
  ])
  add('v3', 'finished', { trainer: { learning_rate: 1e-4, name: '' } }, { test_acc: 0.5 }, [])
})
afterAll(() => {
  store.close()
  remove()
})

const found = (filter: string): string[] =>
  store.list({ filter, sort: 'exp_version' }).rows.map(({ exp_version }) => exp_version)

describe('a filter finds other runs than it says', () => {
  test.for<[string, string[]]>([
    ['trainer.learning_rate < 1e-3 and test_acc > 0.8 and tag = "baseline" and not status = failed', ['v0']],
    ['tag = baseline or status = failed', ['v0', 'v1', 'v2']],
    // and binds tighter than or.
    ['status = failed or tag = baseline and test_acc > 0.87', ['v1', 'v2']],
    ['(status = failed or tag = baseline) and trainer.learning_rate < 0.001', ['v0', 'v2']],
    ['not (tag = baseline)', ['v2', 'v3']],
    ['not not tag = baseline', ['v0', 'v1']],
    // What a run does not have is neither above nor below.
    ['test_acc > 0', ['v0', 'v1', 'v3']],
    ['test_acc <= 0', []],
    ['not test_acc > 0.8', ['v2', 'v3']],
    ['test_acc is missing', ['v2']],
    ['trainer.name is not missing', ['v0', 'v1', 'v3']],
    ['trainer.name = ""', ['v3']],
    ['trainer.name in (Adam, "SGD")', ['v0', 'v1']],
    ['trainer.name ~ "aD"', ['v0']],
    ['trainer.name !~ "a"', ['v1', 'v3']],
    ['trainer.name != Adam', ['v1', 'v3']],
    ['tag != baseline', ['v2', 'v3']],
    ['on = true', ['v0']],
    ['on = false', ['v1']],
    ['trainer.clip = null', ['v2']],
    ['trainer.learning_rate = 1e-4', ['v2', 'v3']],
    ['`train/loss` >= 3', ['v2']],
    ['train/loss >= 3', ['v2']],
    ['train/loss.min = 3 and metrics.train/loss.max = 3', ['v2']],
    ['params.trainer.learning_rate == 0.01', ['v1']],
    ['created >= "2026-03-03"', ['v2', 'v3']],
    ['name = exp/v1', ['v1']],
    ['starred = false and epochs < 1 and exp_version != v0', ['v1', 'v2', 'v3']],
    ["tag = 'rob\\'; DROP TABLE runs; --'", ['v2']],
    ['', ['v0', 'v1', 'v2', 'v3']],
  ])('%s', ([filter, expected]) => expect(found(filter)).toEqual(expected))
})

describe('a fault is told without its place', () => {
  test.for<[string, number, RegExp]>([
    ['trainer.learning_rat < 1', 1, /Did you mean "?trainer.learning_rate/],
    ['test_acc >', 11, /a value is expected, not its end/],
    ['test_acc > > 1', 12, /a value is expected/],
    ['test_acc 0.8', 10, /is expected after "test_acc"/],
    ['(tag = a', 9, /"\)" is expected, for the "\(" at column 1/],
    ['tag = a) or tag = b', 8, /"and" or "or" is expected/],
    ['tag = "a', 7, /not closed/],
    ['tag = a and', 12, /name of a parameter/],
    ['test_acc > high', 12, /a number is expected/],
    ['status = finishd', 10, /Did you mean "?finished/],
    ['created > soon', 11, /no date/],
    ['test_acc ~ 1', 12, /looks into texts/],
    ['tag in a', 8, /"\(" is expected/],
    ['tag = a; DROP TABLE runs', 8, /no meaning here/],
  ])('%s', ([filter, column, message]) => {
    const fault = (): unknown => found(filter)
    expect(fault).toThrow(message)
    expect(fault).toThrow(`at column ${column}:`)
  })

  test('the mark stands under another character', () => {
    try {
      found('tag = baseline and test_acc >> 1')
      expect.unreachable()
    } catch (error) {
      const { details } = Object(error)
      expect(details.findings).toEqual(['tag = baseline and test_acc >> 1', `${' '.repeat(29)}^`])
    }
  })
})

describe('what a person writes runs as SQL', () => {
  const attacks = [
    '1=1); DROP TABLE runs; --',
    "' OR 1=1 --",
    '" OR ""="',
    'x` = 1 OR 1=1 --',
    'test_acc); DELETE FROM runs WHERE (1=1',
    'e.name',
    'r.key',
    'sqlite_schema',
    '__proto__',
    'constructor',
    'toString',
  ]
  const count = (): unknown => store.db.handle.prepare('SELECT count(*) FROM runs').pluck().get()

  test.each(attacks)('%s', (attack) => {
    const quoted = JSON.stringify(attack)
    expect(found(`tag = ${quoted}`)).toEqual([])
    expect(found(`trainer.name = ${quoted} or exp_name = ${quoted} or tag ~ ${quoted}`)).toEqual([])
    for (const filter of [attack, `\`${attack.replaceAll('`', '\\`')}\` = 1`, `test_acc = ${attack}`])
      expect(() => found(filter)).toThrow(/not understood/)
    expect(() => store.list({ sort: attack })).toThrow(/--sort/)
    expect(() => store.list({ columns: [attack] })).toThrow(/--columns/)
    expect(count()).toBe(4)
  })

  test('any text is a filter, or a fault with a place; never an error of SQLite', () => {
    const word = fc.oneof(
      fc.constantFrom(
        'and',
        'or',
        'not',
        '(',
        ')',
        'tag',
        'test_acc',
        '<',
        '=',
        '~',
        'in',
        'is',
        'missing',
        '1e3',
        '"a"',
        ',',
        "'",
      ),
      fc.string({ maxLength: 8 }),
    )
    fc.assert(
      fc.property(fc.array(word, { maxLength: 12 }), (words) => {
        try {
          found(words.join(' '))
        } catch (error) {
          expect(error).toMatchObject({ code: 'usage', message: expect.stringMatching(/at column \d+/) })
        }
      }),
      { numRuns: 500 },
    )
  })

  test('deep or endless filters overflow the stack', () => {
    expect(() => found('('.repeat(5000))).toThrow(/nested too deeply/)
    expect(() => found('not '.repeat(2000) + 'tag = a')).toThrow(/nested too deeply/)
    expect(() => found(Array.from({ length: 300 }, () => 'tag = a').join(' or '))).toThrow(/more than 200/)
    expect(found(Array.from({ length: 200 }, () => 'tag = baseline').join(' and '))).toEqual(['v0', 'v1'])
    expect(() => found(`tag = "${'a'.repeat(20_000)}"`)).toThrow(/10000 characters/)
  })
})

describe('order and columns', () => {
  const order = (sort: string): string[] => store.list({ sort }).rows.map(({ exp_version }) => exp_version)

  test('runs without a value stand first, or in the middle', () => {
    expect(order('test_acc')).toEqual(['v3', 'v0', 'v1', 'v2'])
    expect(order('-test_acc')).toEqual(['v1', 'v0', 'v3', 'v2'])
    expect(order('trainer.learning_rate,-exp_version')).toEqual(['v3', 'v2', 'v0', 'v1'])
    expect(order('')).toEqual(['v3', 'v2', 'v1', 'v0'])
  })

  test('a cell loses digits, or a missing one is taken for an empty one', () => {
    const { rows, total } = store.list({
      sort: 'exp_version',
      columns: ['trainer.learning_rate', 'trainer.name', 'tag'],
      limit: 3,
    })
    expect(total).toBe(4)
    expect(rows.map(({ cells }) => cells)).toEqual([
      [0.0005, 'Adam', 'baseline'],
      [0.01, 'SGD', 'baseline'],
      [0.0001, null, "rob'; DROP TABLE runs; --"],
    ])
  })

  test('all parameters come with another type than they went', () => {
    const { rows } = store.list({ sort: 'exp_version', params: 'all', metrics: 'all' })
    expect(rows[0]).toMatchObject({
      params: { 'trainer.learning_rate': 0.0005, on: true },
      figures: { test_acc: 0.85 },
    })
    expect(rows[2]?.params).toEqual({ 'trainer.learning_rate': 0.0001, 'trainer.clip': null })
  })
})
