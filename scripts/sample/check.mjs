import { FEATURES, PERSONAS, featureValue } from './personas.mjs'

const MIN_SHARE_REVERSED = 0.95
const USER_BLIND_RANGE = [0.47, 0.56]

function assert(holds, message) {
  if (!holds) throw new Error(`The sample breaks its promise: ${message}`)
}

/** Stops the script where a promise of the README does not hold. */
export function checkSplits(splits, texts) {
  assert(new Set(texts).size === texts.length, 'texts are distinct')

  const all = Object.values(splits).flat()
  assert(new Set(all.map(({ id }) => id)).size === all.length, 'ids are unique')
  assert(new Set(all.map(pairKey)).size === all.length, 'nobody judges the same pair twice')
  for (const { chosen, rejected, id } of all) assert(chosen.text !== rejected.text, `${id} compares two answers`)

  const [train, dev, test] = [splits.train, splits.dev, splits.test].map((rows) => distinct(rows, 'qid'))
  assert(disjoint(train, dev) && disjoint(train, test) && disjoint(dev, test), 'no question is in two splits')
  const seen = new Set([splits.train, splits.dev, splits.test].flatMap((rows) => [...users(rows)]))
  assert(disjoint(seen, users(splits.test_unseen)), 'the unseen users are unseen')
  for (const name of ['dev', 'test']) {
    assert(
      [...users(splits[name])].every((u) => users(splits.train).has(u)),
      `every user of ${name} is trained`,
    )
  }

  for (const feature of FEATURES) {
    const fans = PERSONAS.filter((persona) => featureValue(persona, feature) === 1)
    assert(fans.length >= 2, `${feature.name} is shared`)
  }
  for (const [name, rows] of Object.entries(splits)) {
    assert(shareReversed(rows) >= MIN_SHARE_REVERSED, `nearly every pair of ${name} stands reversed for somebody`)
  }
}

export function checkUserBlind(name, accuracy) {
  const [low, high] = USER_BLIND_RANGE
  assert(accuracy >= low && accuracy <= high, `a model that ignores the user scores ${accuracy} on ${name}`)
}

/** The share of judgments whose pair another user of the split decided the other way round. */
export function shareReversed(rows) {
  const decided = new Set(rows.map((row) => `${row.chosen.text}\n${row.rejected.text}`))
  return rows.filter((row) => decided.has(`${row.rejected.text}\n${row.chosen.text}`)).length / rows.length
}

/** What is right most often if each pair got one answer for all: the best that ignoring the user can do with hindsight. */
export function userBlindCeiling(rows) {
  const votes = new Map()
  for (const { chosen, rejected } of rows) {
    const key = [chosen.text, rejected.text].sort().join('\n')
    const count = votes.get(key) ?? [0, 0]
    count[chosen.text < rejected.text ? 0 : 1]++
    votes.set(key, count)
  }
  return [...votes.values()].reduce((sum, count) => sum + Math.max(...count), 0) / rows.length
}

/** What knowing each person's tastes exactly would score. */
export function oracleCeiling(rows) {
  return rows.filter(({ whim }) => !whim).length / rows.length
}

export function users(rows) {
  return new Set(rows.map(({ persona }) => persona.u_id))
}

function distinct(rows, key) {
  return new Set(rows.map(({ question }) => question[key]))
}

function disjoint(a, b) {
  return [...a].every((x) => !b.has(x))
}

function pairKey({ persona, chosen, rejected }) {
  return `${persona.u_id}\n${[chosen.text, rejected.text].sort().join('\n')}`
}
