const EPOCHS = 200
const LEARNING_RATE = 5
const L2 = 1e-4

/**
 * Fits one linear reward for everybody, w·(chosen − rejected), by plain gradient descent on the logistic loss, and
 * returns a function that gives its accuracy on a split.
 */
export function fitUserBlind(rows, vectorOf) {
  const differences = rows.map((row) => difference(row, vectorOf))
  const w = new Float64Array(differences[0].length)
  for (let epoch = 0; epoch < EPOCHS; epoch++) {
    const gradient = w.map((x) => L2 * x)
    for (const d of differences) {
      const push = 1 / (1 + Math.exp(dot(w, d))) / differences.length
      for (let i = 0; i < w.length; i++) gradient[i] -= push * d[i]
    }
    for (let i = 0; i < w.length; i++) w[i] -= LEARNING_RATE * gradient[i]
  }
  return (others) => others.filter((row) => dot(w, difference(row, vectorOf)) > 0).length / others.length
}

function difference({ chosen, rejected }, vectorOf) {
  const rejectedVector = vectorOf(rejected.text)
  return vectorOf(chosen.text).map((x, i) => x - rejectedVector[i])
}

function dot(a, b) {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i]
  return sum
}
