import path from 'node:path'
import type { z } from 'zod'
import type { RunSummary } from '../../shared/api/requests'
import { MODEL_NAMES, type ExperimentConfig } from '../../shared/config/experiment'
import { allFields, fieldsOf, sameValue } from '../../shared/config/formFields'
import type { Draft, Preset, ShownValue, draftRequestSchema } from '../../shared/domain/experiment'
import { scalar, editYaml } from '../config/editYaml'
import {
  dataConfigFile,
  dataSections,
  experimentFile,
  resolveData,
  type ConfigRoots,
} from '../config/resolveExperiment'
import { savedExperiment } from '../config/savedExperiment'
import { parseYaml } from '../config/yamlText'
import { shownValue, valueAt } from './document'
import { isNotInPresets } from './presets'

/** A section of a data configuration. */
export interface KnownData {
  name: string
  file: string
}

type Keep = z.output<typeof draftRequestSchema>['keep']

const HEADING = '# What is left out takes its default.\n'

/** A new experiment with what `exp_config.yaml` sets otherwise than the defaults. */
export function draftOfDefaults(keep: Keep, roots: ConfigRoots): Draft {
  const { file, sections } = experimentFile(undefined, roots)
  const changed = allFields().flatMap(({ key, section, name, default: usual }) => {
    const value = section === null ? undefined : valueAt(sections, [section, name])
    return value === undefined || sameValue(value, usual) ? [] : [[key, value] as const]
  })
  const shown = path.relative(roots.cwd, file)
  const note = changed.length === 0 ? '' : `\n# From ${shown.startsWith('..') ? file : shown}:\n`
  return {
    yaml: `${header(keep, roots)}${note}${sectionsOf(changed)}`,
    reference: { label: 'the defaults', values: {} },
    notes: [],
  }
}

/** A preset's own text, comments and all, under the settings that it does not make. */
export function draftOfPreset(preset: Preset, text: string, keep: Keep, roots: ConfigRoots): Draft {
  const { value } = parseYaml(text)
  const own = Object(value)
  const { models } = preset
  const wanted = keep.model_name ?? 'caimira'
  const model = models.length === 0 || models.includes(wanted) ? wanted : models[0]!
  const top = header({ ...keep, model_name: model }, roots, (key) => Object.hasOwn(own, key))
  const body = text.trimStart().startsWith('#') ? text : `\n${text}`
  return {
    yaml: `${top}\n${body.trimStart()}`,
    reference: { label: `the preset ${preset.name}`, values: valuesOf(own) },
    notes: [],
  }
}

/** The configuration of a run, as far as it differs from the defaults. */
export function draftOfRun(run: RunSummary, known: readonly KnownData[], roots: ConfigRoots): Draft {
  const config = savedExperiment(run)
  const values = valuesOf(config)
  const { dts_name, dts_config_file, note } = dataOf(run, config, known, roots)
  const settings = allFields().flatMap(({ key, section, default: usual }) => {
    const value = section === null ? values[key] : undefined
    return value === undefined || sameValue(value, usual) ? [] : [[key, value] as const]
  })
  const changed = fieldsOf(config.model_name).flatMap(({ key, section, default: usual, unused }) => {
    const value = section === null || unused ? undefined : values[key]
    return value === undefined || sameValue(value, usual) ? [] : [[key, value] as const]
  })
  let yaml = header({ dts_name, dts_config_file, model_name: config.model_name, ...namesOf(config) }, roots)
  for (const [key, value] of settings)
    if (!(key in HEADER_KEYS) && value !== null) yaml = editYaml(yaml, [key], newValue(value), Object.keys(HEADER_KEYS))
  return {
    yaml: `${yaml}${changed.length === 0 ? '' : '\n'}${sectionsOf(changed)}`,
    reference: { label: `${run.exp_name}/${run.exp_version}`, values: { ...values, dts_name } },
    notes: note === undefined ? [] : [note],
  }
}

/**
 * What of a document a preset keeps: the model and its sections.
 *
 * @throws YamlMistake
 */
export function presetText(yaml: string): string {
  let text = yaml.replace(HEADING, '')
  for (const key of Object.keys(Object(parseYaml(text).value)))
    if (isNotInPresets(key)) text = editYaml(text, [key], undefined, [])
  return text.replace(/^\s*\n/, '')
}

const HEADER_KEYS = {
  dts_name: 'simpler',
  dts_config_file: undefined,
  model_name: 'caimira',
  exp_name: 'default_exp',
  exp_version: 'v0',
} as const

function header(keep: Keep, roots: ConfigRoots, elsewhere: (key: string) => boolean = () => false): string {
  const values = { ...HEADER_KEYS, ...keep }
  const dts_name = keep.dts_name ?? firstDataset(roots) ?? HEADER_KEYS.dts_name
  return (
    HEADING +
    Object.entries({ ...values, dts_name })
      .filter(([key, value]) => value !== undefined && !elsewhere(key))
      .map(([key, value]) => `${key}: ${scalar(String(value))}\n`)
      .join('')
  )
}

function firstDataset(roots: ConfigRoots): string | undefined {
  try {
    return dataSections({}, roots).names[0]
  } catch {
    return undefined
  }
}

function sectionsOf(values: readonly (readonly [string, unknown])[]): string {
  const names = ['trainer', ...MODEL_NAMES]
  return names
    .flatMap((section) => {
      const own = values.filter(([key]) => key.startsWith(`${section}.`))
      if (own.length === 0) return []
      return [
        `${section}:\n${own.map(([key, value]) => `  ${key.slice(section.length + 1)}: ${written(value)}\n`).join('')}`,
      ]
    })
    .join('\n')
}

function written(value: unknown): string {
  const shown = shownValue(value)
  return shown === null ? 'null' : scalar(newValue(shown))
}

function newValue(value: Exclude<ShownValue, null>): Parameters<typeof scalar>[0] {
  return value
}

function valuesOf(value: unknown): Record<string, ShownValue> {
  return Object.fromEntries(
    allFields().flatMap(({ key, section, name }) => {
      const own = valueAt(value, section === null ? [name] : [section, name])
      return own === undefined ? [] : [[key, shownValue(own)]]
    }),
  )
}

const namesOf = ({ exp_name, exp_version }: ExperimentConfig): Pick<Keep, 'exp_name' | 'exp_version'> => ({
  exp_name,
  exp_version,
})

/**
 * Under which name, and in which file, the data set of a run is found today: a run keeps the paths of its data, not the
 * section they came from.
 */
function dataOf(
  { command, cwd }: RunSummary,
  { data }: ExperimentConfig,
  known: readonly KnownData[],
  roots: ConfigRoots,
): { dts_name: string; dts_config_file?: string; note?: string } {
  const words = shellWords(command)
  const flag = (name: string): string | undefined => {
    const at = words.findIndex((word) => word === name || word.startsWith(`${name}=`))
    return words[at] === name ? words[at + 1] : words[at]?.slice(name.length + 1)
  }
  const said = flag('--dts_config_file')
  const file = said === undefined ? undefined : path.resolve(cwd ?? roots.cwd, said)
  const names = [...new Set([flag('--dts_name'), data.dts_name].filter((name) => name !== undefined))]
  const places = [file, undefined].flatMap((one) => names.map((dts_name) => ({ dts_name, dts_config_file: one })))
  const registered = known.map((one) => ({ dts_name: one.name, dts_config_file: one.file }))
  for (const { dts_name, dts_config_file } of [...places, ...registered])
    if (isData(dts_name, dts_config_file, data, roots)) {
      const own = dts_config_file !== undefined && dts_config_file !== dataConfigFile(undefined, roots)
      return { dts_name, ...(own && { dts_config_file }) }
    }
  return {
    dts_name: names[0] ?? data.dts_name,
    note: `The data set of this run (${data.dts_path}) is in no data configuration that is known here: choose one.`,
  }
}

function isData(
  dts_name: string,
  dts_config_file: string | undefined,
  data: ExperimentConfig['data'],
  roots: ConfigRoots,
): boolean {
  try {
    const found = resolveData({ dts_name, ...(dts_config_file !== undefined && { dts_config_file }) }, roots)
    return found.dts_path === data.dts_path && found.train.df_file === data.train.df_file
  } catch {
    return false
  }
}

/** The words of a POSIX command line, as `quote` writes them. */
export function shellWords(line: string): string[] {
  const words: string[] = []
  for (const [word] of line.matchAll(/(?:'[^']*'|\\.|"(?:\\.|[^"\\])*"|[^\s'"\\])+/gs))
    words.push(
      word.replace(/'([^']*)'|\\(.)|"((?:\\.|[^"\\])*)"/gs, (_all, single, escaped, double) =>
        single !== undefined
          ? String(single)
          : escaped !== undefined
            ? String(escaped)
            : String(double).replace(/\\(.)/gs, '$1'),
      ),
    )
  return words
}
