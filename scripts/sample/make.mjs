/**
 * Makes the bundled sample data set `simpler`.
 *
 *   node scripts/sample/make.mjs [--out FOLDER] [--no-cache]
 *
 * Everything follows from the texts in `content/`, the personas and one seed: two runs write the same bytes.
 */
import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { buildVocabulary, countWords } from './bow.mjs'
import { checkSplits, checkUserBlind, oracleCeiling, shareReversed, userBlindCeiling, users } from './check.mjs'
import { readQuestions } from './content.mjs'
import { DIMENSIONS, embedTexts } from './embed.mjs'
import { bowFile, embeddingFile, splitFile } from './files.mjs'
import { drawJudgments, splitQuestions, trainedPeople, unseenPeople } from './pairs.mjs'
import { seededRandom } from './random.mjs'
import { readme } from './readme.mjs'
import { fitUserBlind } from './userBlind.mjs'

const SEED = 24

const { values: options } = parseArgs({
  options: { out: { type: 'string' }, 'no-cache': { type: 'boolean', default: false } },
})
const outFolder = options.out ?? fileURLToPath(new URL('../../resources/data/simpler', import.meta.url))

const questions = readQuestions()
const splits = drawSplits(questions)
const texts = questions.flatMap(({ prompt, answers }) => [prompt, ...answers.map(({ text }) => text)])
const textIndex = new Map(texts.map((text, i) => [text, i]))
checkSplits(splits, texts)

const vectors = await embedTexts(texts, { useCache: !options['no-cache'] })
const vocabulary = buildVocabulary(textsOf(splits.train))
const summary = summarise(splits)

const files = {
  'README.md': Buffer.from(readme({ splits: summary, texts: texts.length, dimensions: DIMENSIONS, vocabulary })),
  'texts.json': Buffer.from(`${JSON.stringify(texts, null, 0)}\n`),
  'emb.npy': embeddingFile(vectors),
  'bow.npz': bowFile(countWords(texts, vocabulary)),
  'vocab.txt': Buffer.from(`${vocabulary.join('\n')}\n`),
}
for (const [name, rows] of Object.entries(splits)) files[`df_${name}.parquet`] = splitFile(rows, textIndex)

mkdirSync(outFolder, { recursive: true })
for (const [name, bytes] of Object.entries(files)) writeFileSync(join(outFolder, name), bytes)
report(files, summary)

function drawSplits(allQuestions) {
  const random = seededRandom(SEED)
  const { train, dev, test } = splitQuestions(allQuestions, random)
  return {
    train: drawJudgments('train', train, trainedPeople, random),
    dev: drawJudgments('dev', dev, trainedPeople, random),
    test: drawJudgments('test', test, trainedPeople, random),
    // Other people on the test questions, so that against `test` only the person is new.
    test_unseen: drawJudgments('test_unseen', test, unseenPeople, random),
  }
}

/** Prompts and answers that the rows mention. */
function textsOf(rows) {
  return new Set(rows.flatMap(({ question, chosen, rejected }) => [question.prompt, chosen.text, rejected.text]))
}

function summarise(allSplits) {
  const accuracyOf = fitUserBlind(allSplits.train, (text) => vectors[textIndex.get(text)])
  return Object.entries(allSplits).map(([name, rows]) => {
    const userBlind = accuracyOf(rows)
    if (name !== 'train') checkUserBlind(name, userBlind)
    return {
      name,
      pairs: rows.length,
      questions: new Set(rows.map(({ question }) => question.qid)).size,
      users: users(rows).size,
      texts: textsOf(rows).size,
      reversed: shareReversed(rows),
      userBlind,
      userBlindCeiling: userBlindCeiling(rows),
      oracle: oracleCeiling(rows),
    }
  })
}

function report(allFiles, rows) {
  const round = (x) => (Number.isInteger(x) ? x : Number(x.toFixed(4)))
  console.table(
    rows.map((row) =>
      Object.fromEntries(Object.entries(row).map(([k, v]) => [k, typeof v === 'number' ? round(v) : v])),
    ),
  )
  console.log(
    `${texts.length} texts, ${vocabulary.length} words; no question, pair or id in two splits; unseen users apart`,
  )
  let total = 0
  for (const [name, bytes] of Object.entries(allFiles)) {
    total += bytes.length
    console.log(`${createHash('sha256').update(bytes).digest('hex')}  ${String(bytes.length).padStart(8)}  ${name}`)
  }
  console.log(`${(total / 1e6).toFixed(2)} MB in ${outFolder}`)
}
