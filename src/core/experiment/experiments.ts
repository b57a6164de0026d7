import path from 'node:path'
import { dump } from 'js-yaml'
import type { RequestInput, RequestOutput, RunSummary } from '../../shared/api/requests'
import { fieldOf, fieldsOf } from '../../shared/config/formFields'
import { MODEL_NAMES } from '../../shared/config/experiment'
import type { CheckedDocument, Draft, draftRequestSchema } from '../../shared/domain/experiment'
import { parseSeeds } from '../../shared/domain/seeds'
import { AppError } from '../../shared/errors'
import type { z } from 'zod'
import { editYaml, type NewValue } from '../config/editYaml'
import type { ConfigRoots } from '../config/resolveExperiment'
import { YamlMistake } from '../config/yamlText'
import { commandOf } from '../service/command'
import type { NewRunRequest } from '../service/runService'
import { readDocument, resolveRequest, type ReadDocument } from './document'
import { draftOfDefaults, draftOfPreset, draftOfRun, presetText, type KnownData } from './drafts'
import { Estimates, type EstimatesOptions } from './estimates'
import { Presets } from './presets'

export interface ExperimentsOptions extends EstimatesOptions {
  roots: ConfigRoots
  logDir: string
  dataDir: string | undefined
  /** Data sets that a person has registered. */
  known: () => readonly KnownData[]
  run: (id: string) => Promise<RunSummary>
  add: (run: NewRunRequest) => Promise<{ id: string; dir: string }>
}

type FormChanges = Readonly<Record<string, Exclude<NewValue, undefined> | null>>
type Place = RequestInput<'experiment.start'>['place']

/** Experiments while they are being written: documents, presets, estimates, and their start. */
export class Experiments {
  readonly presets: Presets
  readonly estimates: Estimates
  readonly #options: ExperimentsOptions

  constructor(options: ExperimentsOptions) {
    this.#options = options
    this.presets = new Presets(options.roots, options.dataDir)
    this.estimates = new Estimates(options)
  }

  async draft({ origin, keep }: z.output<typeof draftRequestSchema>): Promise<Draft> {
    const { roots } = this.#options
    if (keep.dts_config_file !== undefined) roots.files?.check(path.resolve(roots.cwd, keep.dts_config_file))
    switch (origin.kind) {
      case 'defaults':
        return draftOfDefaults(keep, roots)
      case 'preset': {
        const { preset, text } = this.presets.text(origin.id)
        return draftOfPreset(preset, text, keep, roots)
      }
      case 'run':
        return draftOfRun(await this.#options.run(origin.id), this.#options.known(), roots)
    }
  }

  check(yaml: string, changes: FormChanges, seeds: string | undefined): CheckedDocument {
    const { logDir, roots } = this.#options
    const text = withChanges(yaml, changes)
    const { text: readable, values, problems, sound } = readDocument(text, roots)
    return {
      yaml: text,
      readable: readable !== null,
      values,
      problems,
      warnings: sound?.warnings ?? [],
      plan: sound && {
        command: commandOf(sound.request, logDir, seedsOf(seeds) && seeds),
        cwd: roots.cwd,
        resolved: dump(sound.config, { lineWidth: 120, noRefs: true }),
      },
    }
  }

  estimate(yaml: string, ticket: string, again: boolean): Promise<RequestOutput<'experiment.estimate'>> {
    return this.estimates.of(this.#sound(yaml).config, ticket, again)
  }

  async start(yaml: string, place: Place, seeds: string | undefined): Promise<RequestOutput<'experiment.start'>> {
    const { request } = this.#sound(yaml)
    const numbers = seeds === undefined || seeds.trim() === '' ? [undefined] : seedsOf(seeds)
    if (!numbers)
      throw new AppError('usage', `"${seeds}" does not name distinct seeds`, {
        key: 'seeds',
        fix: 'Write a range or a list, for example 1..16 or 1,2,5; 256 at most.',
      })
    const { roots, logDir } = this.#options
    // All of them are sound before the first one starts.
    const runs = numbers.map((seed) => {
      const one = seed === undefined ? request : this.#ofSeed(request, seed)
      return { ...resolveRequest(one, roots), command: commandOf(one, logDir), cwd: roots.cwd }
    })
    const made: { id: string; dir: string }[] = []
    // Many at once would only share the machine.
    const where = runs.length > 1 && place === 'now' ? 'end' : place
    for (const run of where === 'front' ? runs.reverse() : runs)
      made.push(await this.#options.add({ ...run, place: where }))
    return { runs: where === 'front' ? made.reverse() : made }
  }

  savePreset(name: string, description: string, yaml: string): RequestOutput<'experiment.savePreset'> {
    return this.presets.save(name, description, presetText(yaml))
  }

  /** As `delta train --seeds` names them: only weights and noise differ, the batches are the same. */
  #ofSeed(request: NonNullable<ReadDocument['sound']>['request'], seed: number) {
    const { trainer, exp_version } = resolveRequest(request, this.#options.roots).config
    return {
      ...request,
      exp_version: `${exp_version}-s${seed}`,
      changes: { ...request.changes, 'trainer.seed': seed, 'trainer.data_seed': trainer.data_seed ?? trainer.seed },
    }
  }

  /** @throws AppError `config_invalid` with every finding */
  #sound(yaml: string): NonNullable<ReadDocument['sound']> {
    const { sound, problems } = readDocument(yaml, this.#options.roots)
    if (sound) return sound
    const findings = problems.map(({ line, key, message }) => `line ${line}, ${key || 'the text'}: ${message}`)
    throw new AppError(
      'config_invalid',
      findings.length === 1 ? findings[0]! : `${findings.length} mistakes in the experiment`,
      findings.length === 1 ? {} : { findings },
    )
  }
}

/** Null where the text names no seeds. */
function seedsOf(seeds: string | undefined): number[] | null {
  return seeds === undefined || seeds.trim() === '' ? null : parseSeeds(seeds)
}

/** Changes of a form, made in the text one by one; a text that is no YAML stays as it is. */
export function withChanges(yaml: string, changes: FormChanges): string {
  let text = yaml
  for (const [key, value] of Object.entries(changes)) {
    const field = fieldOf(key)
    if (!field)
      throw new AppError('config_invalid', `There is no key "${key.slice(0, 100)}"`, { key: key.slice(0, 100) })
    const { section, name } = field
    const neighbours = fieldsOf(MODEL_NAMES.find((model) => model === section) ?? 'caimira').filter(
      (one) => one.section === section,
    )
    const before = neighbours.slice(0, neighbours.indexOf(field)).map((one) => one.name)
    try {
      text = editYaml(text, section === null ? [name] : [section, name], value ?? undefined, before)
    } catch (thrown) {
      // Nothing can be changed in what cannot be read; the answer says what is wrong with it.
      if (!(thrown instanceof YamlMistake)) throw thrown
    }
  }
  return text
}
