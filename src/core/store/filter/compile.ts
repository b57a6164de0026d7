import { RUN_STATUSES } from '../../../shared/domain/lifecycle'
import { didYouMean } from '../../../shared/config/nearest'
import type { Names, Resolved } from './names'
import { filterError, parseFilter, type Expression, type Name, type Operator, type Value } from './parse'

/** A condition over `r` (runs) and `e` (experiments). Whatever a person wrote is in `values`, never in `sql`. */
export interface Condition {
  sql: string
  values: (string | number | null)[]
}

/**
 * A filter as SQL. Every comparison is true or false: with something that a run does not have it is false, and `not` of it is
 * true.
 *
 * @throws AppError `usage` that shows where the fault lies
 */
export function compileFilter(source: string, names: Names): Condition {
  return new Compiler(source, names).compile(parseFilter(source))
}

class Compiler {
  readonly #source: string
  readonly #names: Names

  constructor(source: string, names: Names) {
    this.#source = source
    this.#names = names
  }

  compile(expression: Expression): Condition {
    switch (expression.kind) {
      case 'and':
      case 'or': {
        const terms = expression.terms.map((term) => this.compile(term))
        const word = expression.kind === 'and' ? ' AND ' : ' OR '
        return { sql: `(${terms.map(({ sql }) => sql).join(word)})`, values: terms.flatMap(({ values }) => values) }
      }
      case 'not': {
        const { sql, values } = this.compile(expression.term)
        return { sql: `NOT ${sql}`, values }
      }
      case 'in': {
        const { name } = expression
        const terms = expression.values.map((value) => this.#compare(name, '=', value))
        return { sql: `(${terms.map(({ sql }) => sql).join(' OR ')})`, values: terms.flatMap(({ values }) => values) }
      }
      case 'missing':
        return this.#missing(this.#resolve(expression.name))
      case 'compare':
        return this.#compare(expression.name, expression.operator, expression.value)
    }
  }

  #resolve({ text, at }: Name): Resolved {
    const found = this.#names.resolve(text)
    if (typeof found !== 'string') return found
    throw filterError(this.#source, at, found, '`delta runs list --columns all` shows the names of all.')
  }

  #missing(what: Resolved): Condition {
    if (what.kind === 'column') return { sql: `(${what.column} IS NULL OR ${what.column} = '')`, values: [] }
    const { sql, values } = exists(what, '1')
    return { sql: `NOT ${sql}`, values }
  }

  #compare(name: Name, operator: Operator, value: Value): Condition {
    const what = this.#resolve(name)
    if (what.kind === 'column') {
      const { column } = what
      this.#refuseUnknownStatus(name, operator, value)
      if (what.type === 'text') return sure(textual(column, operator, String(value.value)))
      return sure(numeric(column, operator, this.#number(what.type, value), this.#notText(operator, value)))
    }
    if (what.kind === 'tag')
      return negatable(operator, (plain) => exists(what, textual('t.tag', plain, String(value.value))))
    if (what.kind === 'metric')
      return exists(
        what,
        numeric(`t.${what.figure}`, operator, this.#number('number', value), this.#notText(operator, value)),
      )
    return exists(what, this.#parameter(operator, value))
  }

  /** A configuration's values have types of their own. */
  #parameter(operator: Operator, { value }: Value): Condition {
    const ordered = operator === '<' || operator === '<=' || operator === '>' || operator === '>='
    if (typeof value === 'number' && (ordered || operator === '=' || operator === '!='))
      return numeric('t.number', operator, value, "t.type = 'number'")
    if (typeof value === 'boolean' && (operator === '=' || operator === '!='))
      return numeric('t.number', operator, Number(value), "t.type = 'boolean'")
    return textual('t.text', operator, String(value))
  }

  #number(type: 'number' | 'time' | 'boolean', { value, at }: Value): number {
    if (typeof value === 'number') return value
    if (typeof value === 'boolean' && type === 'boolean') return Number(value)
    if (type === 'time' && typeof value === 'string') {
      const time = Date.parse(value)
      if (!Number.isNaN(time)) return time
      throw filterError(this.#source, at, `"${value}" is no date`, 'Write it as "2026-03-31" or "2026-03-31T18:00".')
    }
    const wanted = type === 'time' ? 'a date' : type === 'boolean' ? 'true or false' : 'a number'
    throw filterError(this.#source, at, `${wanted} is expected, not "${String(value)}"`)
  }

  #notText(operator: Operator, { at }: Value): string {
    if (operator === '~' || operator === '!~')
      throw filterError(
        this.#source,
        at,
        `"${operator}" looks into texts, and this is a number`,
        'Use =, != , <, <=, > or >=.',
      )
    return '1'
  }

  /** `status = finishd` would silently find nothing. */
  #refuseUnknownStatus(name: Name, operator: Operator, { value, at }: Value): void {
    if (name.text !== 'status' || (operator !== '=' && operator !== '!=')) return
    if (RUN_STATUSES.some((status) => status === value)) return
    throw filterError(
      this.#source,
      at,
      `there is no status "${String(value)}".${didYouMean(String(value), RUN_STATUSES)}`,
      `A run is ${RUN_STATUSES.join(', ')}.`,
    )
  }
}

/** NULL counts as false. */
function sure({ sql, values }: Condition): Condition {
  return { sql: `coalesce(${sql}, 0)`, values }
}

/** `tag != x`: it has no tag x, not: it has another one. */
function negatable(operator: Operator, make: (operator: Operator) => Condition): Condition {
  const plain = operator === '!=' ? '=' : operator === '!~' ? '~' : operator
  const { sql, values } = make(plain)
  return { sql: plain === operator ? sql : `NOT ${sql}`, values }
}

/**
 * A condition on one of a run's rows in another table. As a set of runs, which is one range of an index: asked run by run it
 * took thirty times as long.
 */
function exists(what: Exclude<Resolved, { kind: 'column' }>, condition: Condition | '1'): Condition {
  const { sql, values } = condition === '1' ? { sql: '1', values: [] } : condition
  const among = (table: string, of: string): string => `(r.key IN (SELECT t.run FROM ${table} t WHERE ${of}${sql}))`
  switch (what.kind) {
    case 'tag':
      return { sql: among('tags', ''), values }
    case 'metric': {
      const of = 't.metric = (SELECT key FROM metrics WHERE name = ?) AND '
      return { sql: among('figures', of), values: [what.name, ...values] }
    }
    case 'param':
    case 'environment': {
      const table = what.kind === 'param' ? 'params' : 'environment'
      return { sql: among(table, 't.name = ? AND '), values: [what.name, ...values] }
    }
  }
}

function numeric(column: string, operator: Operator, value: number, also: string): Condition {
  return { sql: `(${also} AND ${column} ${operator} ?)`, values: [value] }
}

function textual(column: string, operator: Operator, value: string): Condition {
  if (operator === '~') return { sql: `(instr(lower(${column}), lower(?)) > 0)`, values: [value] }
  if (operator === '!~') return { sql: `(instr(lower(${column}), lower(?)) = 0)`, values: [value] }
  return { sql: `(${column} ${operator} ?)`, values: [value] }
}
