import fs from 'node:fs'
import path from 'node:path'
import { LONGEST_DOCUMENT } from '../../shared/domain/experiment'
import { sweepFileSchema } from '../../shared/domain/sweep'
import type { SweepOrigin } from '../../shared/domain/sweeps'
import { AppError } from '../../shared/errors'
import { editSection, editYaml } from '../config/editYaml'
import type { ConfigRoots } from '../config/resolveExperiment'
import { parseYaml } from '../config/yamlText'
import { withoutShorthands } from '../sweep/readSweep'

export interface SweepFileInfo {
  /** `workspace/NAME` or `installed/NAME`. */
  id: string
  name: string
  description: string
}

/** Sweep files that come with the working folder and with the installation. */
export function sweepFiles({ cwd, installed }: ConfigRoots): (SweepFileInfo & { text: string })[] {
  const places = [
    ...(path.resolve(cwd) === path.resolve(installed) ? [] : [{ source: 'workspace', root: cwd }]),
    { source: 'installed', root: installed },
  ]
  return places.flatMap(({ source, root }) => {
    const dir = path.join(root, 'configs', 'sweeps')
    return namesIn(dir).flatMap((file) => {
      const text = textOf(path.join(dir, file))
      if (text === undefined || !isSweep(text)) return []
      const name = file.replace(/\.ya?ml$/i, '')
      return [{ id: `${source}/${name}`, name, description: descriptionOf(text), text }]
    })
  })
}

/** A new sweep over an experiment: nothing is tried yet, and the experiment is its base. */
export function sweepOver(experiment: string): string {
  const head = 'method: grid\nmetric: val_loss\nseeds: 0..2\nparameters:\n'
  // A sweep gives each run its name.
  const base = ['exp_version'].reduce((text, key) => editYaml(text, [key], undefined, []), experiment)
  return editSection(head, 'base', () => withoutBlankEnds(base))
}

export function fileText(id: string, roots: ConfigRoots): SweepFileInfo & { text: string } {
  const file = sweepFiles(roots).find((one) => one.id === id)
  if (file) return file
  throw new AppError('not_found', `There is no sweep file "${id}"`, { fix: 'Choose one of the list.' })
}

export function labelOf(origin: SweepOrigin): string {
  switch (origin.kind) {
    case 'experiment':
      return 'the experiment'
    case 'sweep':
      return `the sweep ${origin.name}`
    case 'file':
      return `the file ${origin.id.slice(origin.id.indexOf('/') + 1)}`
  }
}

const withoutBlankEnds = (text: string): string => `${text.replace(/^\s*\n/, '').trimEnd()}\n`

function namesIn(dir: string): string[] {
  try {
    return fs
      .readdirSync(dir)
      .filter((name) => /\.ya?ml$/i.test(name))
      .sort()
  } catch {
    return []
  }
}

function textOf(file: string): string | undefined {
  try {
    const { size } = fs.statSync(file)
    return size <= LONGEST_DOCUMENT ? fs.readFileSync(file, 'utf8') : undefined
  } catch {
    return undefined
  }
}

function isSweep(text: string): boolean {
  try {
    return sweepFileSchema.safeParse(withoutShorthands(parseYaml(text).value)).success
  } catch {
    return false
  }
}

/** Its first comment. */
function descriptionOf(text: string): string {
  const lines = text.split('\n')
  const end = lines.findIndex((line) => !line.startsWith('#'))
  return lines
    .slice(0, Math.max(0, end))
    .map((line) => line.replace(/^#\s*/, ''))
    .join(' ')
}
