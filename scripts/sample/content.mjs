import { readFileSync } from 'node:fs'
import { TASTES, TOPICS } from './personas.mjs'
import { seededRandom, shuffled } from './random.mjs'

const ANSWERS_PER_TASTE = 2

/**
 * The share of answers that end in a sentence of general praise for their taste. It is the dial for how plainly a text
 * shows its taste: with 0 a linear model names the
 * taste of about 80 % of the answers to new questions, with 1 of about 94 %.
 */
const SHARE_WITH_CLOSER = 0.8
const CLOSER_SEED = 7

/**
 * Reads `content/<topic>.txt`. A question is a line `? text`; the lines `taste | answer` below it are its answers.
 * Returns questions `{ qid, topic, prompt, answers: [{ taste, text }] }` in file order.
 */
export function readQuestions() {
  const questions = TOPICS.flatMap(readTopic)
  addClosers(questions)
  return questions.map((question, i) => ({ qid: `q${String(i).padStart(3, '0')}`, ...question }))
}

function readLines(file) {
  return readFileSync(new URL(`content/${file}`, import.meta.url), 'utf8').split(/\r?\n/)
}

/** Deals the closers of each taste out in turn, so that all are used equally often and never twice in a question. */
function addClosers(questions) {
  const random = seededRandom(CLOSER_SEED)
  const closers = readClosers()
  for (const topic of TOPICS) {
    for (const taste of Object.keys(TASTES[topic])) {
      const answers = questions
        .filter((question) => question.topic === topic)
        .flatMap((question) => question.answers.filter((answer) => answer.taste === taste))
      const praised = shuffled(answers, random).slice(0, Math.round(SHARE_WITH_CLOSER * answers.length))
      const deck = shuffled(closers.get(taste), random)
      answers
        .filter((answer) => praised.includes(answer))
        .forEach((answer, i) => (answer.text += ` ${deck[i % deck.length]}`))
    }
  }
}

/** `content/closers.txt`: lines `taste | sentence`, with `# topic` lines for the reader's eye. */
function readClosers() {
  const closers = new Map()
  for (const line of readLines('closers.txt')) {
    if (line.trim() === '' || line.startsWith('#')) continue
    const [taste, text] = line.split('|').map((part) => part.trim())
    closers.set(taste, [...(closers.get(taste) ?? []), text])
  }
  return closers
}

function readTopic(topic) {
  const lines = readLines(`${topic}.txt`)
  const questions = []
  lines.forEach((line, i) => {
    const fail = (why) => {
      throw new Error(`content/${topic}.txt:${i + 1}: ${why}`)
    }
    if (line.trim() === '') return
    if (line.startsWith('? ')) return questions.push({ topic, prompt: line.slice(2).trim(), answers: [] })
    const [taste, text, ...rest] = line.split('|').map((part) => part.trim())
    if (!text || rest.length > 0) fail('expected "taste | answer"')
    if (!(taste in TASTES[topic])) fail(`unknown taste "${taste}"`)
    if (questions.length === 0) fail('an answer before the first question')
    questions.at(-1).answers.push({ taste, text })
  })
  for (const { prompt, answers } of questions) {
    for (const taste of Object.keys(TASTES[topic])) {
      const found = answers.filter((answer) => answer.taste === taste).length
      if (found !== ANSWERS_PER_TASTE)
        throw new Error(`content/${topic}.txt: "${prompt}" has ${found} "${taste}" answers`)
    }
  }
  return questions
}
