import { JsonService, parseUrl, type JsonServiceOptions, type StopSignals } from '../http/jsonService'
import { SCORE_PROTOCOLS, type ScorePair, type ScoreProvider } from './protocol'

export interface ScorerOptions extends Omit<JsonServiceOptions, 'name' | 'endpoint' | 'maxAnswerBytes'> {
  provider: ScoreProvider
  /** The address a person gave; `openai` appends `/score` to it. */
  url: string
  model?: string
}

/** A batch of numbers is far smaller. */
const MAX_ANSWER_BYTES = 16 << 20

/** A reward model behind HTTP: batches in, rewards out. */
export class HttpScorer {
  /** The full address, part of the identity of every score. Never to be shown. */
  readonly identity: string
  readonly #service: JsonService
  readonly #options: ScorerOptions

  /** @throws AppError `config_invalid` for an address that is not http(s) or holds a password */
  constructor(options: ScorerOptions) {
    const endpoint = SCORE_PROTOCOLS[options.provider].endpoint(parseUrl(options.url))
    this.#options = options
    this.#service = new JsonService({ ...options, name: 'scorer', endpoint, maxAnswerBytes: MAX_ANSWER_BYTES })
    this.identity = endpoint.href
  }

  /** The address without anything that may be secret in it. */
  get place(): string {
    return this.#service.place
  }

  /** One reward a pair, in their order. @throws AppError `service_failed`, or `stopped` */
  score(pairs: readonly ScorePair[], stop: StopSignals): Promise<number[]> {
    const protocol = SCORE_PROTOCOLS[this.#options.provider]
    const read = (answer: unknown): number[] | string => protocol.rewards(answer, pairs.length)
    return this.#service.post(protocol.body(pairs, this.#options.model), read, stop)
  }
}
