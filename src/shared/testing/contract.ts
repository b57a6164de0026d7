import type { z } from 'zod'
import type { AppEvent } from '../api/events'
import { requests, type Reply, type Route } from '../api/requests'
import type { ErrorCode } from '../errors'
import { clusterCases } from './clusterContract'
import { FORBIDDEN_PATHS, pathAttacks } from './pathAttacks'
import { checkSweeps } from './sweepContract'

/** A door to core: in process, over a WebSocket, or through Electron's preload. */
export interface Door {
  ask(route: string, input: unknown): Promise<Reply<unknown>>
  /** Events that have come in so far, in order. */
  events(): Promise<readonly AppEvent[]>
  /** Lets some milliseconds pass. */
  pause(ms: number): Promise<void>
}

/**
 * A folder with `configs/data_configs.yaml` that has the sections `small` (sound), `absent` (files missing) and `broken` (three rows at
 * fault), and another data configuration.
 */
export interface ContractFiles {
  dts_config_file: string
  config_file: string
  other_data_file: string
}

export interface Case {
  title: string
  route: string
  input: (known: Known) => unknown
  /** The code of the error that is wanted; without one the answer must be good and parse by the route's schema. */
  error?: ErrorCode
  /** Looks at the answer; a sentence when something is wrong with it. */
  check?: (data: Record<string, unknown>, known: Known) => string | undefined
}

/** What earlier cases have learned. */
interface Known {
  queued: string
  clone: string
  started: string
  /** Keys of data sets. */
  small: string
  broken: string
  other: string
  made: string
  linked: string
  /** Pairs of `small`. */
  pairs: string
}

const says = (ok: boolean, sentence: string): string | undefined => (ok ? undefined : sentence)
const idsOf = (value: unknown): unknown[] => (Array.isArray(value) ? value.map((one) => Object(one).id) : [])

const keyOf = (keys: unknown, name: string): string =>
  (Array.isArray(keys) ? keys.map(String) : []).find((key) => key.startsWith(`${name}~`)) ?? ''

/** The Data sets page, from the first file to a new data set. */
function datasetCases(files: ContractFiles): Case[] {
  return [
    {
      title: 'registers the sections of a configuration',
      route: 'datasets.register',
      input: () => ({ paths: [files.dts_config_file] }),
      check: ({ keys }, known) => {
        known.small = keyOf(keys, 'small')
        known.broken = keyOf(keys, 'broken')
        return says(known.small !== '' && known.broken !== '', 'not every section has a key')
      },
    },
    {
      title: 'lists them, and says which have lost their files',
      route: 'datasets.list',
      input: () => ({}),
      check: ({ datasets }, known) => {
        const all = Array.isArray(datasets) ? datasets.map((one) => Object(one)) : []
        const state = (name: string): unknown => all.find((one) => one.name === name)?.state
        const split = Object(all.find((one) => one.key === known.small)?.splits?.[0])
        known.pairs = String(Object(split.pairs).file)
        return says(state('small') === 'ready' && state('absent') === 'missing', 'other states')
      },
    },
    {
      title: 'checks a data set',
      route: 'datasets.check',
      input: ({ small }) => ({ key: small }),
      check: ({ problems }) => says(Array.isArray(problems) && problems.length === 0, 'problems in a sound data set'),
    },
    {
      title: 'checks a broken one',
      route: 'datasets.check',
      input: ({ broken }) => ({ key: broken }),
      check: ({ problems }) => says(Array.isArray(problems) && problems.length >= 3, 'not every problem'),
    },
    {
      title: 'lists the rows of a problem',
      route: 'datasets.problems',
      input: ({ broken }) => ({ key: broken, problem: 0, offset: 0, limit: 10 }),
      check: ({ places }) => says(Array.isArray(places) && Object(places[0]).line >= 1, 'no place'),
    },
    {
      title: 'describes it',
      route: 'datasets.stats',
      input: ({ small }) => ({ key: small }),
      check: ({ splits }) => says(Array.isArray(splits) && Object(splits[0]).pairs === 160, 'other counts'),
    },
    {
      title: 'shows its rows',
      route: 'datasets.rows',
      input: ({ small }) => ({ key: small, split: 'train', offset: 158, limit: 50 }),
      check: ({ rows, total }) => says(Array.isArray(rows) && rows.length === 2 && total === 160, 'other rows'),
    },
    {
      title: 'searches and filters them',
      route: 'datasets.rows',
      input: ({ small }) => ({
        key: small,
        split: 'train',
        offset: 0,
        limit: 5,
        search: 'PROMPT 1',
        filters: [{ type: 'value', column: 'u_id', test: 'is', value: '3' }],
        sort: { column: 'id', descending: true },
      }),
      check: ({ rows, total, of }) =>
        says(Number(total) > 0 && Number(total) < 40 && of === 160 && Array.isArray(rows), 'other rows'),
    },
    {
      title: 'shows a whole row',
      route: 'datasets.row',
      input: ({ small }) => ({ key: small, split: 'dev', row: 3 }),
    },
    {
      title: 'shows the rows of a problem',
      route: 'datasets.rows',
      input: ({ broken }) => ({
        key: broken,
        split: 'train',
        offset: 0,
        limit: 5,
        filters: [{ type: 'problem', problem: 0 }],
      }),
      check: ({ total }) => says(Number(total) >= 1, 'no row'),
    },
    {
      title: 'says by which commands a data set is made',
      route: 'datasets.plan',
      input: ({ small }) => ({ prepare: { key: small, name: 'contract-deduped', step: { task: 'dedupe' } } }),
      check: ({ commands }) => says(String(commands).includes('data dedupe'), 'no command'),
    },
    {
      title: 'makes a data set of another',
      route: 'datasets.prepare',
      input: ({ small }) => ({ key: small, name: 'contract-deduped', step: { task: 'dedupe' } }),
      check: ({ key }, known) => void (known.made = String(key)),
    },
    { title: 'checks what it has made', route: 'datasets.check', input: ({ made }) => ({ key: made, again: true }) },
    {
      title: 'makes it again',
      route: 'datasets.prepare',
      input: ({ small }) => ({ key: small, name: 'contract-deduped', step: { task: 'dedupe' } }),
      error: 'usage',
    },
    {
      title: 'looks at files',
      route: 'datasets.inspect',
      input: ({ pairs }) => ({ paths: [pairs] }),
      check: ({ files: found, link }) =>
        says(Array.isArray(found) && Object(found[0]).kind === 'pairs' && Boolean(Object(link).train), 'not known'),
    },
    {
      title: 'links files that are in form',
      route: 'datasets.create',
      input: ({ pairs }) => ({ how: 'link', name: 'contract-linked', splits: { train: { df_file: pairs } } }),
      check: ({ key }, known) => void (known.linked = String(key)),
    },
    { title: 'takes one off the list', route: 'datasets.remove', input: ({ linked }) => ({ key: linked }) },
    {
      title: 'takes it off again',
      route: 'datasets.remove',
      input: ({ linked }) => ({ key: linked }),
      error: 'not_found',
    },
    {
      title: 'registers another configuration',
      route: 'datasets.register',
      input: () => ({ paths: [files.other_data_file] }),
      check: ({ keys }, known) => void (known.other = keyOf(keys, 'moved')),
    },
    {
      title: 'is told where it lies',
      route: 'datasets.locate',
      input: ({ other }) => ({ key: other, path: files.other_data_file }),
    },
    {
      title: 'cancels what does not run',
      route: 'datasets.cancel',
      input: ({ small }) => ({ key: small, kind: 'check' }),
      check: ({ cancelled }) => says(cancelled === false, 'something was cancelled'),
    },
    ...['../../outside', 'a/b', '', '.hidden', 'a\u0000b'].map((name) => ({
      title: `makes a data set called ${JSON.stringify(name)}`,
      route: 'datasets.create',
      input: ({ pairs }: Known) => ({ how: 'link', name, splits: { train: { df_file: pairs } } }),
      error: 'usage' as const,
    })),
    {
      title: 'asks for a column that is not there',
      route: 'datasets.rows',
      input: ({ small }) => ({
        key: small,
        split: 'train',
        offset: 0,
        limit: 5,
        sort: { column: '__proto__', descending: false },
      }),
      error: 'usage',
    },
    ...['datasets.check', 'datasets.stats', 'datasets.remove'].map((route) => ({
      title: `${route} of one that is not there`,
      route,
      input: () => ({ key: '../../etc/passwd' }),
      error: 'not_found' as const,
    })),
  ]
}

/** Everything that every door must do alike: each route once in good order, and every way to be refused. */
function cases(files: ContractFiles): Case[] {
  const { dts_config_file, config_file } = files
  const experiment = (more: object = {}) => ({
    dts_config_file,
    config_file,
    dts_name: 'small',
    exp_name: 'contract',
    changes: { 'trainer.max_epochs': 4 },
    ...more,
  })
  const document = `dts_name: small\ndts_config_file: ${JSON.stringify(files.dts_config_file)}\nexp_name: document\n`
  return [
    {
      title: 'says who it is',
      route: 'app.info',
      input: () => ({}),
      check: ({ dialogs }) => says(dialogs === true, 'no dialogs'),
    },
    {
      title: 'says what trains here',
      route: 'app.backends',
      input: () => ({}),
      check: ({ backends }) =>
        says(JSON.stringify(backends).includes('"name":"fused","works":true'), 'the fused kernels do not work'),
    },
    {
      title: 'asks by a dialog',
      route: 'files.pick',
      input: () => ({ kind: 'file', title: 'Data configuration', extensions: ['yaml'] }),
      check: ({ paths }) => says(JSON.stringify(paths) === JSON.stringify([files.config_file]), 'other paths'),
    },
    {
      title: 'looks around where it begins',
      route: 'files.browse',
      input: () => ({}),
      check: ({ places, entries }) => says(Array.isArray(entries) && Array.isArray(places), 'no listing'),
    },
    {
      title: 'writes over a file that was chosen to be read',
      route: 'files.write',
      input: () => ({ path: files.dts_config_file, data: '', encoding: 'utf8' }),
      error: 'forbidden_path',
    },
    { title: 'shows in its folder what was chosen', route: 'files.reveal', input: () => ({ path: files.config_file }) },
    {
      title: 'pauses the queue',
      route: 'queue.set',
      input: () => ({ paused: true, restarts: 1 }),
      check: ({ settings }) => says(Object(settings).paused === true && Object(settings).restarts === 1, 'not set'),
    },
    {
      title: 'queues an experiment',
      route: 'runs.queue',
      input: () => ({ experiment: experiment() }),
      check: ({ id }, known) => void (known.queued = String(id)),
    },
    {
      title: 'lists it at once, as queued',
      route: 'runs.list',
      input: () => ({}),
      check: ({ runs }, { queued }) =>
        says(
          Array.isArray(runs) && runs.some((run) => Object(run).id === queued && Object(run).status === 'queued'),
          'the queued run is not listed',
        ),
    },
    {
      title: 'shows it in the table, with the columns asked for, and null where no run has one',
      route: 'runs.table',
      input: () => ({ columns: ['trainer.max_epochs', 'no such column'] }),
      check: ({ rows }, { queued }) => {
        const row = Array.isArray(rows) ? rows.find((one) => Object(one).id === queued) : undefined
        return says(JSON.stringify(Object(row).cells) === '[4,null]', `cells ${JSON.stringify(Object(row).cells)}`)
      },
    },
    {
      title: 'finds it by a filter',
      route: 'runs.match',
      input: () => ({ filter: 'trainer.max_epochs = 4 and status = queued' }),
      check: ({ ids }, { queued }) => says(Array.isArray(ids) && ids.includes(queued), 'not found'),
    },
    {
      title: 'finds nothing by a filter that it does not fit',
      route: 'runs.match',
      input: () => ({ filter: 'trainer.max_epochs > 4' }),
      check: ({ ids }) => says(Array.isArray(ids) && ids.length === 0, 'found something'),
    },
    {
      title: 'says where a filter is wrong',
      route: 'runs.match',
      input: () => ({ filter: 'status = ' }),
      error: 'usage',
    },
    {
      title: 'names what a table can show',
      route: 'runs.names',
      input: () => ({}),
      check: ({ params }) =>
        says(Array.isArray(params) && params.includes('trainer.max_epochs'), 'no trainer.max_epochs'),
    },
    {
      title: 'shows it on a page of its own',
      route: 'runs.view',
      input: ({ queued }) => ({ id: queued }),
      check: ({ hparams, status }) =>
        says(String(hparams).includes('max_epochs: 4') && status === 'queued', `status ${String(status)}`),
    },
    {
      title: 'has no evaluation of a run that has not ended',
      route: 'runs.evaluation',
      input: ({ queued }) => ({ id: queued, split: 'test' }),
      check: ({ evaluation }) => says(evaluation === null, 'there is one'),
    },
    {
      title: 'evaluates on the training split',
      route: 'runs.evaluation',
      input: ({ queued }) => ({ id: queued, split: 'train' }),
      error: 'usage',
    },
    {
      title: 'has no page for a run that it does not know',
      route: 'runs.view',
      input: () => ({ id: 'x' }),
      error: 'not_found',
    },
    {
      title: 'tells of its life so far',
      route: 'runs.get',
      input: ({ queued }) => ({ id: queued }),
      check: ({ transitions }) => says(Array.isArray(transitions) && transitions.length === 1, 'not one transition'),
    },
    {
      title: 'has it in the queue',
      route: 'queue.get',
      input: () => ({}),
      check: ({ waiting }, { queued }) => says(idsOf(waiting).includes(queued), 'not in the queue'),
    },
    {
      title: 'reorders',
      route: 'queue.reorder',
      input: ({ queued }) => ({ ids: [queued] }),
      check: ({ waiting }, { queued }) => says(idsOf(waiting)[0] === queued, 'not the first'),
    },
    {
      title: 'tags',
      route: 'runs.annotate',
      input: ({ queued }) => ({ id: queued, addTags: ['a tag'], note: 'ü <b>' }),
      check: ({ tags, note }) => says(JSON.stringify([tags, note]) === '[["a tag"],"ü <b>"]', 'other tags or note'),
    },
    {
      title: 'takes it out of the queue',
      route: 'runs.stop',
      input: ({ queued }) => ({ id: queued }),
      check: ({ status }) => says(status === 'stopped', 'not stopped'),
    },
    {
      title: 'puts it back',
      route: 'runs.resume',
      input: ({ queued }) => ({ id: queued, changes: { 'trainer.max_epochs': 5 } }),
      check: ({ status }) => says(status === 'queued', 'not queued'),
    },
    {
      title: 'clones it with changes',
      route: 'runs.clone',
      input: ({ queued }) => ({ id: queued, changes: { 'caimira.n_dim': 3, 'trainer.max_epochs': 2 } }),
      check: ({ id }, known) => void (known.clone = String(id)),
    },
    {
      title: 'deletes a run that waits',
      route: 'runs.delete',
      input: ({ clone }) => ({ id: clone }),
      error: 'usage',
    },
    { title: 'stops the clone', route: 'runs.stop', input: ({ clone }) => ({ id: clone }) },
    {
      title: 'purges a run that is not in the trash',
      route: 'runs.purge',
      input: ({ clone }) => ({ id: clone }),
      error: 'usage',
    },
    {
      title: 'puts a run into the trash',
      route: 'runs.delete',
      input: ({ clone }) => ({ id: clone }),
      check: ({ trashDir }) => says(typeof trashDir === 'string', 'no place in the trash'),
    },
    {
      title: 'lists no deleted run',
      route: 'runs.list',
      input: () => ({}),
      check: ({ runs }, { clone }) => says(!idsOf(runs).includes(clone), 'the deleted run is listed'),
    },
    {
      title: 'takes it out again',
      route: 'runs.restore',
      input: ({ clone }) => ({ id: clone }),
      check: ({ dir }) => says(typeof dir === 'string', 'no folder'),
    },
    {
      title: 'lists a restored run',
      route: 'runs.list',
      input: () => ({}),
      check: ({ runs }, { clone }) => says(idsOf(runs).includes(clone), 'the restored run is not listed'),
    },
    { title: 'deletes it again', route: 'runs.delete', input: ({ clone }) => ({ id: clone }) },
    {
      title: 'purges it, and says what that has freed',
      route: 'runs.purge',
      input: ({ clone }) => ({ id: clone }),
      check: ({ bytes }) => says(Number(bytes) > 0, 'nothing freed'),
    },
    {
      title: 'knows a purged run',
      route: 'runs.restore',
      input: ({ clone }) => ({ id: clone }),
      error: 'not_found',
    },
    {
      title: 'starts an experiment at once, past the pause',
      route: 'runs.start',
      input: () => ({ experiment: experiment({ exp_version: 'now' }) }),
      check: ({ id }, known) => void (known.started = String(id)),
    },
    ...datasetCases(files),
    {
      title: 'reads curves of runs it knows and names those it does not',
      route: 'history.query',
      input: ({ queued }) => ({ runs: [queued, 'no such run'], metrics: [] }),
      check: ({ unknown }) => says(JSON.stringify(unknown) === '["no such run"]', 'other unknown runs'),
    },
    {
      title: 'compares runs it knows and names those it does not',
      route: 'compare.runs',
      input: ({ queued, started }) => ({ runs: [queued, started, 'no such run'] }),
      check: ({ params, unknown, groups }) =>
        says(
          JSON.stringify(unknown) === '["no such run"]' && Array.isArray(params) && Array.isArray(groups),
          'other unknown runs',
        ),
    },
    {
      title: 'compares runs that have predicted nothing',
      route: 'compare.paired',
      input: ({ queued }) => ({ reference: [queued], others: [[queued]], split: 'test' }),
      check: ({ others }) =>
        says(Array.isArray(others) && /no predictions/.test(String(Object(others[0]).skipped)), 'no reason'),
    },
    {
      title: 'compares with a run that it does not know',
      route: 'compare.paired',
      input: ({ queued }) => ({ reference: ['../../etc/passwd'], others: [[queued]], split: 'test' }),
      error: 'not_found',
    },
    {
      title: 'compares under a ticket',
      route: 'compare.paired',
      input: ({ queued }) => ({ reference: [queued], others: [[queued]], split: 'test', ticket: 'contract' }),
    },
    {
      title: 'weighs parameters',
      route: 'compare.importance',
      input: () => ({
        question: { fields: [{ name: 'a', kind: 'number', values: [1, 2, 3, 4] }], figure: [1, 2, 3, null] },
        ticket: 'contract',
      }),
      check: ({ runs, fields }) => says(runs === 3 && Array.isArray(fields) && fields.length === 1, 'other runs'),
    },
    {
      title: 'weighs a parameter that some runs have no place in',
      route: 'compare.importance',
      input: () => ({ question: { fields: [{ name: 'a', kind: 'number', values: [1] }], figure: [1, 2] } }),
      error: 'usage',
    },
    { title: 'cancels what does not run', route: 'compare.cancel', input: () => ({ ticket: 'contract' }) },
    { title: 'cancels a fit that nobody waits for', route: 'users.cancel', input: () => ({ ticket: 'contract' }) },
    {
      title: 'keeps a comparison under a name',
      route: 'compare.save',
      input: ({ queued, started }) => ({ name: ' both ', address: { runs: `${queued},${started}`, tab: 'curves' } }),
    },
    {
      title: 'keeps another one under the same name',
      route: 'compare.save',
      input: ({ queued }) => ({ name: 'both', address: { runs: queued } }),
      error: 'usage',
    },
    {
      title: 'keeps what is no address',
      route: 'compare.save',
      input: () => ({ name: 'odd', address: { runs: 'a', '<script>': 'x' } }),
      error: 'usage',
    },
    {
      title: 'renames a comparison',
      route: 'compare.rename',
      input: () => ({ from: 'both', to: 'the two' }),
    },
    {
      title: 'lists comparisons',
      route: 'compare.saved',
      input: () => ({}),
      check: ({ comparisons }) =>
        says(JSON.stringify(comparisons).startsWith('[{"name":"the two","runs":2,'), 'others'),
    },
    {
      title: 'opens a comparison',
      route: 'compare.open',
      input: () => ({ name: 'the two' }),
      check: ({ address }) => says(Object(address).tab === 'curves', 'another address'),
    },
    { title: 'deletes a comparison', route: 'compare.forget', input: () => ({ name: 'the two' }) },
    { title: 'opens a deleted one', route: 'compare.open', input: () => ({ name: 'the two' }), error: 'not_found' },
    {
      title: 'shows no pairs of runs that have predicted nothing',
      route: 'compare.agreement',
      input: ({ queued }) => ({ runs: [queued, queued], split: 'test' }),
      error: 'usage',
    },
    {
      title: 'shows no pairs of a run that it does not know',
      route: 'compare.examples',
      input: ({ queued }) => ({ runs: [queued, '../../etc'], split: 'test' }),
      error: 'not_found',
    },
    {
      title: 'has no curve of a run that it does not know',
      route: 'compare.curves',
      input: ({ queued }) => ({ groups: [[queued, '../../etc']], metric: 'val_loss' }),
      check: ({ curves }) => says(Array.isArray(curves) && Object(curves[0]).points === 0, 'points'),
    },

    {
      title: 'drafts an experiment',
      route: 'experiment.draft',
      input: () => ({ origin: { kind: 'defaults' }, keep: { dts_name: 'small', exp_name: 'written' } }),
      check: ({ yaml }) => says(/^dts_name: small$/m.test(String(yaml)), 'not the data set that was asked for'),
    },
    {
      title: 'drafts an experiment like a run',
      route: 'experiment.draft',
      input: ({ queued }) => ({ origin: { kind: 'run', id: queued } }),
      check: ({ reference }) => says(Object(Object(reference).values)['trainer.max_epochs'] === 4, 'not like the run'),
    },
    {
      title: 'drafts an experiment like a run that is not there',
      route: 'experiment.draft',
      input: () => ({ origin: { kind: 'run', id: '../../etc' } }),
      error: 'not_found',
    },
    {
      title: 'checks and changes a document',
      route: 'experiment.check',
      input: () => ({ yaml: document, changes: { 'trainer.seed': 5 } }),
      check: ({ yaml, plan }) =>
        says(yaml === `${document}\ntrainer:\n  seed: 5\n` && plan !== null, 'not changed, or not sound'),
    },
    {
      title: 'names the mistakes of a document',
      route: 'experiment.check',
      input: () => ({ yaml: `${document}trainer: { sed: 5 }\n` }),
      check: ({ problems, plan }) =>
        says(Array.isArray(problems) && problems.length === 1 && plan === null, 'not one problem'),
    },
    {
      title: 'estimates a document',
      route: 'experiment.estimate',
      input: () => ({ yaml: document, ticket: 'contract' }),
      check: ({ pairs, secondsAtMost }) => says(pairs === 160 && Number(secondsAtMost) > 0, 'other pairs, or no time'),
    },
    {
      title: 'estimates a document with mistakes',
      route: 'experiment.estimate',
      input: () => ({ yaml: 'dts_name: nothing', ticket: 'contract' }),
      error: 'config_invalid',
    },
    { title: 'forgets what nobody asked for', route: 'experiment.forget', input: () => ({ ticket: 'none' }) },
    {
      title: 'keeps a preset',
      route: 'experiment.savePreset',
      input: () => ({ name: 'contract', description: 'ü <b>', yaml: `${document}trainer: { seed: 5 }\n` }),
      check: ({ id, description }) => says(id === 'own/contract' && description === 'ü <b>', 'another preset'),
    },
    {
      title: 'lists it',
      route: 'experiment.presets',
      input: () => ({}),
      check: ({ presets }) => says(idsOf(presets).includes('own/contract'), 'not listed'),
    },
    {
      title: 'drafts an experiment by it',
      route: 'experiment.draft',
      input: () => ({ origin: { kind: 'preset', id: 'own/contract' }, keep: { dts_name: 'small' } }),
      check: ({ yaml }) => says(String(yaml).includes('seed: 5'), 'not the preset'),
    },
    { title: 'deletes it', route: 'experiment.deletePreset', input: () => ({ name: 'contract' }) },
    {
      title: 'deletes a preset outside its folder',
      route: 'experiment.deletePreset',
      input: () => ({ name: '../presets/contract' }),
      error: 'usage',
    },
    {
      title: 'starts a document',
      route: 'experiment.start',
      input: () => ({ yaml: document, place: 'end' }),
      check: ({ runs }) => says(Array.isArray(runs) && runs.length === 1, 'not one run'),
    },
    {
      title: 'starts a document with a data configuration from anywhere',
      route: 'experiment.start',
      input: () => ({ yaml: 'dts_name: small\ndts_config_file: /etc/passwd\n', place: 'now' }),
      error: 'config_invalid',
    },

    ...['runs.nothing', '', '__proto__', 'constructor', 'toString', 'runs.list '].map((route) => ({
      title: `has no route ${JSON.stringify(route)}`,
      route,
      input: () => ({}),
      error: 'unknown_route' as const,
    })),
    ...Object.keys(requests).flatMap((route) =>
      [5, 'text', [1], { surprise: 1 }].map((input) => ({
        title: `${route} takes ${JSON.stringify(input)}`,
        route,
        input: () => input,
        error: 'usage' as const,
      })),
    ),
    ...Object.keys(requests)
      .filter((route) => /^runs\.(get|stop|resume|clone|annotate|delete|restore|purge)$/.test(route))
      .map((route) => ({
        title: `${route} of a run that is not there`,
        route,
        input: () => ({ id: '../../etc/passwd' }),
        error: 'not_found' as const,
      })),
    ...['x'.repeat(201), ''].map((id) => ({
      title: 'takes an id of any length',
      route: 'runs.get',
      input: () => ({ id }),
      error: 'usage' as const,
    })),
    ...pathAttacks(experiment()).flatMap(({ route, input }) =>
      FORBIDDEN_PATHS.map((path) => ({
        title: `reaches ${JSON.stringify(path)}`,
        route,
        input: () => input(path),
        error: 'forbidden_path' as const,
      })),
    ),
    {
      title: 'queues a data set that is not there',
      route: 'runs.queue',
      input: () => ({ experiment: experiment({ dts_name: 'nothing' }) }),
      error: 'config_invalid',
    },
    {
      title: 'queues a name that climbs out of the log folder',
      route: 'runs.queue',
      input: () => ({ experiment: experiment({ exp_name: '../../outside' }) }),
      error: 'config_invalid',
    },
    {
      title: 'clones with a key that nothing knows',
      route: 'runs.clone',
      input: ({ queued }) => ({ id: queued, changes: { 'trainer.lerning_rate': 1 } }),
      error: 'config_invalid',
    },
    {
      title: 'clones through the prototype',
      route: 'runs.clone',
      input: ({ queued }) => ({
        id: queued,
        changes: { '__proto__.polluted': 1, 'constructor.prototype.polluted': 1 },
      }),
      error: 'config_invalid',
      check: () => says(!('polluted' in {}), 'the prototype was changed'),
    },
    {
      title: 'resumes what waits',
      route: 'runs.resume',
      input: ({ queued }) => ({ id: queued }),
      error: 'usage',
    },
    {
      title: 'reorders what does not wait',
      route: 'queue.reorder',
      input: () => ({ ids: ['no such run'] }),
      error: 'usage',
    },
    {
      title: 'sets a limit of none',
      route: 'queue.set',
      input: () => ({ concurrency: 0 }),
      error: 'usage',
    },
  ]
}

/**
 * Routes whose good order needs more than this small workspace: the weights of MiniLM, which e2e/users.spec.ts uses, and a dialog for
 * a new file, as src/core/files/routes.test.ts has.
 */
const ELSEWHERE = new Set(['users.prefer', 'files.write'])

/** What is asked about the started run once it has ended. */
const endedCases: Case[] = [
  {
    title: 'tells of every user of a split',
    route: 'users.table',
    input: ({ started }) => ({ id: started, split: 'test' }),
    check: ({ users, pairs }) => says(Array.isArray(users) && users.length === 6 && pairs === 40, 'other users'),
  },
  {
    title: 'has no users of a split that the data lacks',
    route: 'users.table',
    input: ({ started }) => ({ id: started, split: 'test_unseen' }),
    error: 'not_found',
  },
  {
    title: 'has no users of a run that never trained',
    route: 'users.table',
    input: ({ queued }) => ({ id: queued, split: 'test' }),
    error: 'not_found',
  },
  {
    title: 'reports a comparison as one file',
    route: 'compare.report',
    input: ({ started, queued }) => ({ runs: [started, queued] }),
    check: ({ html }) => says(/^<!doctype html>[^]*<h2>Results<\/h2>/.test(String(html)), 'no report'),
  },
  {
    title: 'says how a run agrees with itself',
    route: 'compare.agreement',
    input: ({ started }) => ({ runs: [started, started, started], split: 'test' }),
    check: ({ patterns, pairs, hidden }) =>
      says(pairs === 40 && hidden === null && !/"(?!000|111)[01]+"/.test(JSON.stringify(patterns)), 'other patterns'),
  },
  {
    title: 'has no pairs of a pattern of more runs than are asked for',
    route: 'compare.examples',
    input: ({ started }) => ({ runs: [started, started], split: 'test', pattern: '110' }),
    error: 'usage',
  },
  {
    title: 'shows pairs with their texts',
    route: 'compare.examples',
    input: ({ started }) => ({ runs: [started, started], split: 'test', limit: 3 }),
    check: ({ rows }) => says(Array.isArray(rows) && /prompt/.test(Object(rows[0]).texts?.prompt), 'no texts'),
  },
  {
    title: 'evaluates it anew',
    route: 'runs.evaluate',
    input: ({ started }) => ({ id: started, split: 'dev' }),
    check: ({ evaluation }) => says(Object(evaluation).split === 'dev', 'another split'),
  },
  {
    title: 'tells of one user',
    route: 'users.one',
    input: ({ started }) => ({ id: started, split: 'test', user: 3 }),
    check: ({ pairs }) => says(Array.isArray(pairs) && pairs.length > 0, 'no pairs'),
  },
  {
    title: 'says what the dimensions stand for',
    route: 'users.dimensions',
    input: ({ started }) => ({ id: started, split: 'test' }),
    check: ({ dimensions, names }) => says(Array.isArray(dimensions) && Array.isArray(names), 'no dimensions'),
  },
  {
    title: 'names a dimension',
    route: 'users.nameDimension',
    input: ({ started }) => ({ id: started, dimension: 1, name: 'warmth' }),
    check: ({ names }) => says(Array.isArray(names) && names[1] === 'warmth', 'another name'),
  },
  {
    title: 'explains a pair',
    route: 'users.pair',
    input: ({ started }) => ({ id: started, split: 'test', row: 3 }),
    check: ({ prompt, dimensions }) => says(prompt !== '' && Array.isArray(dimensions), 'no texts or reasons'),
  },
  {
    title: 'says which embedder pasted answers need',
    route: 'users.prefer',
    input: ({ started }) => ({ id: started, split: 'test', user: 3, prompt: '', first: 'a', second: 'b' }),
    error: 'usage',
  },
  {
    title: 'lists the pairs of a bin',
    route: 'users.pairs',
    input: ({ started }) => ({
      ...{ id: started, split: 'test', of: { by: 'bin', bin: 14 } },
      ...{ order: 'mistakes', offset: 0, limit: 9 },
    }),
    check: ({ total, rows }) => says(Array.isArray(rows) && rows.length === total && total === 3, 'other pairs'),
  },
  {
    title: 'has no pairs of a slice that is none',
    route: 'users.pairs',
    input: ({ started }) => ({
      ...{ id: started, split: 'test', order: 'data', offset: 0, limit: 9 },
      of: { by: 'slice', column: 'topic', value: 'none' },
    }),
    error: 'not_found',
  },
  {
    title: 'fits a user as if they were new',
    route: 'users.adapt',
    input: ({ started }) => ({
      ...{ id: started, split: 'test', user: 3 },
      ...{ choose: 'random', k: [0, 2], repeats: 2, seed: 0 },
    }),
    check: ({ curve, command }) =>
      says(Array.isArray(curve) && curve.length === 2 && command === null, 'another curve'),
  },
  {
    title: 'matches the dimensions of a run with its own',
    route: 'users.matchDimensions',
    input: ({ started }) => ({ id: started, other: started, split: 'test' }),
    check: ({ users, pairs }) =>
      says(
        users === 6 && Array.isArray(pairs) && pairs.length > 0 && pairs.every(({ a, b }) => a === b),
        'others than itself',
      ),
  },
  {
    title: 'maps their vectors',
    route: 'users.map',
    input: ({ started }) => ({ id: started, split: 'test', method: 'pca' }),
    check: ({ x }) => says(Array.isArray(x) && x.length === 6, 'not a place a user'),
  },
]

/** How long the run of the contract may take: an engine's start and four epochs of 160 pairs, on a busy machine. */
const RUN_MS = 120_000

/**
 * Runs every case through a door.
 *
 * @returns what went wrong, one sentence each; empty when the contract holds
 */
export async function checkContract(door: Door, files: ContractFiles): Promise<string[]> {
  const findings: string[] = []
  const known: Known = {
    ...{ queued: '', clone: '', started: '' },
    ...{ small: '', broken: '', other: '', made: '', linked: '', pairs: '' },
  }
  const asked = new Set<string>()
  const check = async (all: readonly Case[]): Promise<void> => {
    for (const { title, route, input, error, check: look } of all) {
      const reply = await door.ask(route, input(known))
      const found = reply.ok ? good(route, error, reply.data) : bad(error, reply.error)
      const data: Record<string, unknown> = reply.ok ? Object(reply.data) : {}
      const wrong = found ?? look?.(data, known)
      if (wrong !== undefined) findings.push(`${route}: ${title}: ${wrong}`)
      if (error === undefined) asked.add(route)
    }
  }
  await check(cases(files))
  findings.push(...(await followed(door, known.started)))
  await check(endedCases)
  await check(clusterCases)
  findings.push(...(await checkSweeps(door, check, files.dts_config_file)))
  for (const route of Object.keys(requests))
    if (!asked.has(route) && !ELSEWHERE.has(route)) findings.push(`${route}: no case asks it in good order`)
  return findings
}

function good(route: string, wanted: ErrorCode | undefined, data: unknown): string | undefined {
  if (wanted !== undefined) return `answered in good order, not with ${wanted}`
  if (!isRoute(route)) return 'an unknown route has an answer'
  const output: z.ZodType = requests[route].output
  const parsed = output.safeParse(data)
  return parsed.success ? undefined : `the answer is not what the route promises: ${parsed.error.message}`
}

function bad(wanted: ErrorCode | undefined, error: { code: string; message: string }): string | undefined {
  if (wanted === undefined) return `refused: ${error.code} ${error.message}`
  if (error.code !== wanted) return `refused with ${error.code}, not ${wanted}: ${error.message}`
  return says(!/\n\s+at /.test(JSON.stringify(error)), 'the error shows a stack')
}

function isRoute(route: string): route is Route {
  return Object.hasOwn(requests, route)
}

/** The started run is followed by its events: numbers without a gap, and every change of its status. */
async function followed(door: Door, id: string): Promise<string[]> {
  const until = Date.now() + RUN_MS
  let statuses: string[] = []
  let events: readonly AppEvent[] = []
  while (!statuses.includes('finished') && Date.now() < until) {
    await door.pause(50)
    events = await door.events()
    statuses = events.flatMap((one) =>
      one.event === 'run.status' && one.payload.runId === id ? [one.payload.status] : [],
    )
  }
  const findings: string[] = []
  if (statuses.join() !== 'running,finished') findings.push(`run.status told ${statuses.join()}, not running,finished`)
  let last: number | undefined
  let figures = 0
  for (const { event, payload } of events) {
    if (event !== 'run.metrics' || payload.runId !== id) continue
    if (last !== undefined && payload.first !== last + 1)
      findings.push(`run.metrics goes from ${last} to ${payload.first}`)
    last = payload.sequence
    figures += payload.batches?.length ?? 0
  }
  // Joined with the beginning, which replaces everything, figures are not repeated.
  if (last === undefined) findings.push('run.metrics told nothing')
  if (figures > 5) findings.push(`run.metrics told ${figures} moments of 5`)
  const tested = await door.ask('runs.evaluation', { id, split: 'test' })
  if (!tested.ok || Object(Object(tested.data).evaluation).split !== 'test')
    findings.push('the run has no evaluation after its end')
  const reply = await door.ask('runs.get', { id })
  const { history, sequence, run } = reply.ok ? Object(reply.data) : { history: [], sequence: -1, run: {} }
  if (Object(run).status !== 'finished') findings.push(`the run reads ${Object(run).status} after its end`)
  if (!Array.isArray(history) || history.length !== 5) findings.push('the history does not hold 4 epochs and a test')
  if (Number(sequence) < Number(last)) findings.push(`the history has number ${sequence}, and ${last} was told`)
  return findings
}
