import { PERSONAS, liking } from './personas.mjs'
import { shuffled } from './random.mjs'

/** Questions per topic that go to dev and test; the rest trains. */
const HELD_OUT = { dev: 4, test: 5 }

/** Answer pairs drawn per question, in each split. */
const PAIRS_PER_QUESTION = { train: 44, dev: 30, test: 24, test_unseen: 24 }

/** People asked about a pair on each side of the argument: as many who should like the one as the other. */
const JUDGES_PER_SIDE = 2

/**
 * Nobody is consistent. The chance that a person picks the answer they should like less falls with the distance
 * between the two tastes: two tastes one step apart are nearly a matter of mood, three steps are hardly ever confused.
 */
const CHANCE_OF_A_WHIM = { 1: 0.07, 2: 0.02, 3: 0.005 }

/** Gives every question a split: drawn per topic, so that each split has all topics in equal parts. */
export function splitQuestions(questions, random) {
  const splits = { train: [], dev: [], test: [] }
  for (const topic of new Set(questions.map((question) => question.topic))) {
    const mixed = shuffled(
      questions.filter((question) => question.topic === topic),
      random,
    )
    splits.dev.push(...mixed.splice(0, HELD_OUT.dev))
    splits.test.push(...mixed.splice(0, HELD_OUT.test))
    splits.train.push(...mixed)
  }
  for (const list of Object.values(splits)) list.sort((a, b) => (a.qid < b.qid ? -1 : 1))
  return splits
}

/**
 * Draws the judgments of one split. A pair of answers is only asked about if some of `people` should prefer the one and
 * some the other, and equally many from both camps judge it. So whatever can be known from the texts alone is worth
 * nothing: only knowing the person helps.
 */
export function drawJudgments(split, questions, people, random) {
  return questions.flatMap((question) => {
    const contested = answerPairs(question)
      .map((pair) => ({ ...pair, ...camps(question.topic, pair, people) }))
      .filter(({ forA, forB }) => forA.length > 0 && forB.length > 0)
    const asked = shuffled(contested, random).slice(0, PAIRS_PER_QUESTION[split])
    const judgments = asked.flatMap((pair) => judgePair(question, pair, random))
    const unseenMark = split === 'test_unseen' ? 'u' : ''
    return judgments.map((judgment, i) => ({
      ...judgment,
      id: `${question.qid}_${question.topic}_${unseenMark}${String(i).padStart(4, '0')}`,
    }))
  })
}

function answerPairs({ answers }) {
  return answers
    .flatMap((a, i) => answers.slice(i + 1).map((b) => ({ a, b })))
    .filter(({ a, b }) => a.taste !== b.taste)
}

function camps(topic, { a, b }, people) {
  const lead = (persona) => leadOf(persona, topic, a, b)
  return { forA: people.filter((p) => lead(p) > 0), forB: people.filter((p) => lead(p) < 0) }
}

/** How many steps a persona prefers one answer to another, before any whim. */
function leadOf(persona, topic, better, worse) {
  return liking(persona, topic, better.taste) - liking(persona, topic, worse.taste)
}

function judgePair(question, { a, b, forA, forB }, random) {
  const judges = Math.min(JUDGES_PER_SIDE, forA.length, forB.length)
  const ask = (camp, better, worse) =>
    drawJudges(camp, judges, (persona) => leadOf(persona, question.topic, better, worse), random).map((persona) =>
      judge(question, persona, better, worse, random),
    )
  return [...ask(forA, a, b), ...ask(forB, b, a)]
}

/** Whoever cares more is asked more often: a persona's chance is the square of the distance between the two tastes. */
function drawJudges(camp, count, leadFor, random) {
  const left = [...camp]
  return Array.from({ length: count }, () => {
    const weights = left.map((persona) => leadFor(persona) ** 2)
    let ticket = random() * weights.reduce((sum, weight) => sum + weight, 0)
    const winner = weights.findIndex((weight) => (ticket -= weight) < 0)
    return left.splice(winner, 1)[0]
  })
}

function judge(question, persona, better, worse, random) {
  const lead = leadOf(persona, question.topic, better, worse)
  const whim = random() < CHANCE_OF_A_WHIM[lead]
  const [chosen, rejected] = whim ? [worse, better] : [better, worse]
  return { question, persona, chosen, rejected, lead, whim }
}

export const trainedPeople = PERSONAS.filter((persona) => !persona.unseen)
export const unseenPeople = PERSONAS.filter((persona) => persona.unseen)
