import { AppError } from '../../shared/errors'

/** A key from the environment, and the means to keep it out of everything that is shown or written. */
export class Secret {
  readonly #value: string | undefined

  private constructor(value: string | undefined) {
    this.#value = value
  }

  /**
   * Reads the variable that a person named; no name means no key. Neither the value nor the name is ever repeated: the
   * key itself given in place of the name is a common mistake.
   *
   * @throws AppError `config_invalid` for a variable that is unset, empty or holds what no header may carry
   */
  static fromEnvironment(name: string | undefined, environment: NodeJS.ProcessEnv): Secret {
    if (name === undefined) return new Secret(undefined)
    const value = /^[A-Za-z_]\w*$/.test(name) ? environment[name]?.trim() : undefined
    if (!value)
      throw new AppError('config_invalid', '--key_env names no environment variable that is set', {
        key: 'key_env',
        fix: 'Give the name of the variable, not the key: export SCORER_KEY=…; --key_env SCORER_KEY',
      })
    if (!/^[\x21-\x7e]+$/.test(value))
      throw new AppError(
        'config_invalid',
        'The key in the environment holds a space, a line break or a letter beyond ASCII',
        {
          key: 'key_env',
          fix: 'Set the variable to the bare key.',
        },
      )
    return new Secret(value)
  }

  get isSet(): boolean {
    return this.#value !== undefined
  }

  headers(): Record<string, string> {
    return this.#value === undefined ? {} : { authorization: `Bearer ${this.#value}` }
  }

  /** The text without the key, however it is written in there. */
  redact(text: string): string {
    if (this.#value === undefined) return text
    const forms = new Set([this.#value, encodeURIComponent(this.#value), JSON.stringify(this.#value).slice(1, -1)])
    return [...forms].reduce((clean, form) => clean.replaceAll(form, '[key]'), text)
  }
}
