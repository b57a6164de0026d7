import { AppError } from '../../../shared/errors'

/**
 * The filter language (docs/history.md):
 *
 *     expression = term { "or" term } ;   term = factor { "and" factor } ;
 *     factor     = "not" factor | "(" expression ")" | comparison ;
 *     comparison = name operator value | name "in" "(" value { "," value } ")" | name "is" [ "not" ] "missing" ;
 *     operator   = "=" | "!=" | "<" | "<=" | ">" | ">=" | "~" | "!~" ;
 */
export type Expression =
  | { kind: 'and' | 'or'; terms: Expression[] }
  | { kind: 'not'; term: Expression }
  | { kind: 'compare'; name: Name; operator: Operator; value: Value }
  | { kind: 'in'; name: Name; values: Value[] }
  | { kind: 'missing'; name: Name }

export const OPERATORS = ['=', '!=', '<', '<=', '>', '>=', '~', '!~'] as const
export type Operator = (typeof OPERATORS)[number]

export interface Name {
  text: string
  /** 0-based place in the filter. */
  at: number
}

/** A literal. A bare word may be text or true, false, null. */
export interface Value {
  value: string | number | boolean | null
  at: number
}

interface Token {
  kind: 'word' | 'name' | 'text' | 'number' | 'operator' | 'open' | 'close' | 'comma' | 'end'
  text: string
  at: number
}

/** Far beyond what a person writes, far below what SQLite and the stack can take. */
const MAX_LENGTH = 10_000
const MAX_DEPTH = 100
const MAX_COMPARISONS = 200

/** @throws AppError `usage` that shows where the fault lies */
export function parseFilter(source: string): Expression {
  if (source.length > MAX_LENGTH)
    throw new AppError('usage', `A filter has at most ${MAX_LENGTH} characters`, {
      fix: 'Use tags, or several filters.',
    })
  return new Parser(source).parse()
}

/** An error in a filter, with a mark under the place. */
export function filterError(source: string, at: number, message: string, fix?: string): AppError {
  // One line, so that the mark stands under the fault; a long one is cut around it.
  const from = Math.max(0, at - 60)
  const shown = source.slice(from, at + 40).replaceAll(/\s/g, ' ')
  return new AppError('usage', `The filter is not understood at column ${at + 1}: ${message}`, {
    findings: [shown, `${' '.repeat(at - from)}^`],
    ...(fix !== undefined && { fix }),
  })
}

class Parser {
  readonly #source: string
  readonly #tokens: Token[]
  #at = 0
  #depth = 0
  #comparisons = 0

  constructor(source: string) {
    this.#source = source
    this.#tokens = tokenise(source)
  }

  parse(): Expression {
    const expression = this.#or()
    const rest = this.#peek()
    if (rest.kind !== 'end') throw this.#fault(rest, `"and" or "or" is expected before ${shown(rest)}`)
    return expression
  }

  #or(): Expression {
    return this.#chain('or', () => this.#chain('and', () => this.#factor()))
  }

  #chain(word: 'and' | 'or', term: () => Expression): Expression {
    const first = term()
    const terms = [first]
    while (this.#takeWord(word)) terms.push(term())
    return terms.length === 1 ? first : { kind: word, terms }
  }

  #factor(): Expression {
    const token = this.#peek()
    if (++this.#depth > MAX_DEPTH) throw this.#fault(token, 'it is nested too deeply')
    try {
      if (this.#takeWord('not')) return { kind: 'not', term: this.#factor() }
      if (token.kind !== 'open') return this.#comparison()
      this.#at++
      const inner = this.#or()
      const close = this.#next()
      if (close.kind !== 'close')
        throw this.#fault(close, `")" is expected, for the "(" at column ${token.at + 1}, not ${shown(close)}`)
      return inner
    } finally {
      this.#depth--
    }
  }

  #comparison(): Expression {
    const token = this.#next()
    if (token.kind !== 'word' && token.kind !== 'name')
      throw this.#fault(token, `the name of a parameter, metric or column is expected, not ${shown(token)}`)
    if (++this.#comparisons > MAX_COMPARISONS)
      throw this.#fault(token, `it has more than ${MAX_COMPARISONS} comparisons`)
    const name = { text: token.text, at: token.at }
    if (this.#takeWord('in')) return { kind: 'in', name, values: this.#list() }
    if (this.#takeWord('is')) {
      const present = this.#takeWord('not')
      const missing = this.#next()
      if (missing.kind !== 'word' || missing.text.toLowerCase() !== 'missing')
        throw this.#fault(missing, `"missing" is expected after "is", not ${shown(missing)}`)
      return present ? { kind: 'not', term: { kind: 'missing', name } } : { kind: 'missing', name }
    }
    const operator = this.#next()
    const known = OPERATORS.find((one) => one === normal(operator.text))
    if (operator.kind !== 'operator' || known === undefined)
      throw this.#fault(
        operator,
        `${OPERATORS.join(' ')}, in or is is expected after "${name.text}", not ${shown(operator)}`,
      )
    return { kind: 'compare', name, operator: known, value: this.#value() }
  }

  #list(): Value[] {
    const open = this.#next()
    if (open.kind !== 'open') throw this.#fault(open, `"(" is expected after "in", not ${shown(open)}`)
    const values = [this.#value()]
    for (;;) {
      const token = this.#next()
      if (token.kind === 'close') return values
      if (token.kind !== 'comma') throw this.#fault(token, `"," or ")" is expected, not ${shown(token)}`)
      values.push(this.#value())
    }
  }

  #value(): Value {
    const { kind, text, at } = this.#next()
    switch (kind) {
      case 'number':
        return { value: Number(text), at }
      case 'text':
        return { value: text, at }
      case 'word':
        return { value: text === 'true' ? true : text === 'false' ? false : text === 'null' ? null : text, at }
      default:
        throw this.#fault({ kind, text, at }, `a value is expected, not ${shown({ kind, text, at })}`)
    }
  }

  #peek(): Token {
    return this.#tokens[this.#at] ?? { kind: 'end', text: '', at: this.#source.length }
  }

  #next(): Token {
    const token = this.#peek()
    this.#at++
    return token
  }

  #takeWord(word: string): boolean {
    const { kind, text } = this.#peek()
    if (kind !== 'word' || text.toLowerCase() !== word) return false
    this.#at++
    return true
  }

  #fault({ at }: Token, message: string): AppError {
    return filterError(this.#source, at, message)
  }
}

const normal = (operator: string): string => (operator === '==' ? '=' : operator === '<>' ? '!=' : operator)

function shown({ kind, text }: Token): string {
  return kind === 'end' ? 'its end' : `"${text}"`
}

const PATTERNS: readonly [Token['kind'], RegExp][] = [
  ['number', /[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w./-])/y],
  // Names of metrics have slashes, names of runs and models hyphens.
  ['word', /[\p{L}_][\p{L}\p{N}_./:-]*|\d[\p{L}\p{N}_./:-]*/uy],
  ['operator', /==|!=|<>|<=|>=|!~|[=<>~]/y],
  ['open', /\(/y],
  ['close', /\)/y],
  ['comma', /,/y],
]
const QUOTES: Readonly<Record<string, Token['kind']>> = { '"': 'text', "'": 'text', '`': 'name' }

function tokenise(source: string): Token[] {
  const tokens: Token[] = []
  for (let at = 0; at < source.length;) {
    const character = source[at] ?? ''
    if (/\s/.test(character)) {
      at++
      continue
    }
    const quoted = QUOTES[character]
    const token = quoted === undefined ? match(source, at) : quotation(source, at, quoted)
    tokens.push(token.token)
    at = token.end
  }
  return tokens
}

function match(source: string, at: number): { token: Token; end: number } {
  for (const [kind, pattern] of PATTERNS) {
    pattern.lastIndex = at
    const [text] = pattern.exec(source) ?? []
    if (text !== undefined) return { token: { kind, text, at }, end: at + text.length }
  }
  throw filterError(
    source,
    at,
    `"${source[at]}" has no meaning here`,
    'Put texts in quotation marks and odd names in `backticks`.',
  )
}

/** A backslash lets a quotation mark stand for itself. */
function quotation(source: string, at: number, kind: Token['kind']): { token: Token; end: number } {
  const mark = source[at] ?? ''
  let text = ''
  for (let i = at + 1; i < source.length; i++) {
    const character = source[i] ?? ''
    if (character === mark) return { token: { kind, text, at }, end: i + 1 }
    if (character === '\\' && i + 1 < source.length) i++
    text += source[i]
  }
  throw filterError(source, at, `the ${mark} that opens here is not closed`)
}
