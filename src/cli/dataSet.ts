import path from 'node:path'
import { InvalidArgumentError, type Command } from 'commander'
import { dataConfigFile, dataSections, resolveData } from '../core/config/resolveExperiment'
import { recordInSection, type SectionChanges } from '../core/prep/recordInSection'
import type { DataConfig } from '../shared/config/data'
import { AppError } from '../shared/errors'
import type { Output } from './output'
import { configRoots, shownPath } from './roots'

export interface DataSetOptions {
  dts_name?: string
  dts_config_file?: string
}

/** A data set as a verb works on it: its resolved section, and the file where that stands. */
export interface DataSet {
  data: DataConfig
  /** Name of the section. */
  name: string
  file: string
}

export function withDataSet(command: Command): Command {
  return command
    .option('--dts_name <name>', 'data set: a section of data_configs.yaml (may be left out where there is one)')
    .option('--dts_config_file <file>', 'data configuration (default: configs/data_configs.yaml)')
}

export function openDataSet({ dts_name, dts_config_file }: DataSetOptions): DataSet {
  const roots = configRoots()
  const file = dataConfigFile(dts_config_file, roots)
  const name = dts_name ?? onlySection(dts_config_file)
  return { data: resolveData({ dts_name: name, dts_config_file }, roots), name, file }
}

function onlySection(dts_config_file: string | undefined): string {
  const { file, names } = dataSections({ dts_config_file }, configRoots())
  const [first] = names
  if (first !== undefined && names.length === 1) return first
  throw new AppError('usage', '--dts_name is missing', {
    file,
    fix: first === undefined ? `${file} holds no data set.` : `Name one of its data sets: ${names.join(', ')}.`,
  })
}

/** Records what was made with the data set, or says what to write where a person keeps the file. */
export function record({ data, name, file }: DataSet, changes: SectionChanges, output: Output): void {
  const lines = recordInSection(file, name, data, changes)
  const shown = shownPath(configRoots().cwd, file)
  if (lines === null) output.say(`Recorded in ${shown}`)
  else output.warn(`${shown} is kept by hand. Put this into its section ${name}:\n  ${lines.replaceAll('\n', '\n  ')}`)
}

export const here = (given: string): string => path.resolve(configRoots().cwd, given)

export const count = (value: number): string => value.toLocaleString('en')

export function plural(value: number, word: string): string {
  return `${count(value)} ${word}${value === 1 ? '' : 's'}`
}

export function list(text: string): string[] {
  const names = text
    .split(',')
    .map((name) => name.trim())
    .filter(Boolean)
  if (names.length === 0) throw new InvalidArgumentError('give names separated by commas')
  return names
}

export function natural(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isSafeInteger(value) || value < 0)
    throw new InvalidArgumentError('give a whole number, 0 or more')
  return value
}

export function positive(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !(value > 0) || !Number.isFinite(value))
    throw new InvalidArgumentError('give a number greater than 0')
  return value
}

export function positiveWhole(text: string): number {
  const value = positive(text)
  if (!Number.isSafeInteger(value)) throw new InvalidArgumentError('give a whole number greater than 0')
  return value
}
