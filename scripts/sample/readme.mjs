import { FEATURES, PERSONAS, TASTES, TOPICS, liking } from './personas.mjs'

/**
 * Measured with a PyTorch caimira (K 5, AdamW 2e-3, batch 512, pooled centring, 100 epochs, best epoch by dev loss):
 * mean and standard deviation over the seeds 0–4. Measure again after a change to the data.
 */
const CAIMIRA = { dev: '.838 ± .018', test: '.831 ± .016', test_unseen: '.504 ± .003' }
const PER_USER_LINEAR = { dev: '.873', test: '.843', test_unseen: '–' }

const percent = (share) => `${(100 * share).toFixed(1)} %`

/** The README.md that lies beside the data. `splits` are the rows of the summary. */
export function readme({ splits, texts, dimensions, vocabulary }) {
  const table = (head, rows) =>
    [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
  return `# simpler: the bundled sample

Twelve made-up people, each with a taste in food, music and travel, choose between answers to everyday questions. Small enough to train on in
seconds, and built so that personalisation is the whole signal: a model that ignores the user scores about 50 %.

It is written for Delta Workbench and contains no text from elsewhere. Licence: CC0 1.0 (public domain dedication).
\`node scripts/sample/make.mjs\` makes every file in this folder, this one included, and gives the same bytes again. (The vectors come from
WebAssembly; a processor that rounds differently may change their last digits.)

## Splits

${table(
  ['split', 'pairs', 'questions', 'users', 'texts', 'reversed for another user'],
  splits.map((s) => [s.name, s.pairs, s.questions, s.users, s.texts, percent(s.reversed)]),
)}

train, dev and test are split by question, equally per topic. test_unseen asks the four people who are in no other split about the test questions.

## What to expect (accuracy)

${table(
  ['', 'dev', 'test', 'test_unseen'],
  [
    ['one linear reward for everybody', ...heldOut(splits, (s) => s.userBlind.toFixed(2))],
    [
      'best that ignores the user (a vote per pair, in hindsight)',
      ...heldOut(splits, (s) => s.userBlindCeiling.toFixed(3)),
    ],
    ['caimira, K 5, five seeds', CAIMIRA.dev, CAIMIRA.test, CAIMIRA.test_unseen],
    ['a linear reward per user', PER_USER_LINEAR.dev, PER_USER_LINEAR.test, PER_USER_LINEAR.test_unseen],
    ['oracle that knows every taste', ...heldOut(splits, (s) => s.oracle.toFixed(3))],
  ],
)}

On test_unseen a model without features or adaptation has only the generic user, so about 50 % is right there.
Noise, personas and the seed of the draw were set with these figures in view, so they describe the sample and are no benchmark. Other draws put caimira's
mean between .81 and .85.

## How the choices came about

Every answer is written for one taste. A person likes a taste by 2 (favourite), 1, 0 or −1 and prefers the answer they like more, except for a
whim: 7 % of the time where the two differ by one step, 2 % at two steps, 0.5 % at three. A pair is only asked where some people should prefer the
one and some the other; two from each camp judge it (fewer where a camp is smaller), the more decided ones more often. Four answers in five end in a
sentence of praise for their taste that recurs with other questions.

${table(
  ['u_id', 'persona', ...TOPICS],
  PERSONAS.map((p) => [p.u_id, p.unseen ? `${p.name} (unseen)` : p.name, ...TOPICS.map((topic) => describe(p, topic))]),
)}

${TOPICS.map(
  (topic) =>
    `${topic}: ${Object.entries(TASTES[topic])
      .map(([taste, meaning]) => `*${taste}* (${meaning})`)
      .join(', ')}`,
).join('; ')}.

## Files

- \`df_<split>.parquet\`: \`u_id\` (int64), \`persona\`, \`qid\`, \`id\`, \`topic\`, \`prompt\`, \`chosen\`, \`rejected\`, \`chosen_taste\`, \`rejected_taste\`,
  \`prompt_emb_idx\`, \`chosen_emb_idx\`, \`rejected_emb_idx\` (int64, rows of the shared files below), and ${FEATURES.length} user features
  \`user_<topic>_<taste>\` (0 or 1: does the person enjoy the taste; each is shared by several people).
- \`texts.json\`: all ${texts} distinct texts, prompts and answers.
- \`emb.npy\`: their vectors, float32 [${texts}, ${dimensions}], unit length, all-MiniLM-L6-v2 (half-precision weights, run locally).
- \`bow.npz\`: their word counts, a scipy CSR matrix [${texts}, ${vocabulary.length}].
- \`vocab.txt\`: its ${vocabulary.length} words, one a line: from the training texts only, lower case, stop words left out, in at least two texts.
`
}

function heldOut(splits, format) {
  return ['dev', 'test', 'test_unseen'].map((name) => format(splits.find((split) => split.name === name)))
}

function describe(persona, topic) {
  const tastes = Object.keys(TASTES[topic])
  const at = (level) => tastes.filter((taste) => liking(persona, topic, taste) === level)
  return [...at(2).map((taste) => `**${taste}**`), ...at(1), ...at(-1).map((taste) => `not ${taste}`)].join(', ')
}
