/** A request that names a path; `path` is put where its route takes one. */
export interface PathAttack {
  route: string
  /** Dotted key of the input that holds the path. */
  key: string
  input: (path: string) => unknown
}

/**
 * Every place of a request that takes a path. A route with another one has to be named here: a test walks the schemas and finds it.
 *
 * @param experiment a sound experiment, as `runs.start` takes it
 */
export function pathAttacks(experiment: object): PathAttack[] {
  return [
    { route: 'files.browse', key: 'dir', input: (dir) => ({ dir }) },
    { route: 'files.write', key: 'path', input: (path) => ({ path, data: 'x', encoding: 'utf8' }) },
    { route: 'files.reveal', key: 'path', input: (path) => ({ path }) },
    ...['datasets.register', 'datasets.inspect'].map((route) => ({
      route,
      key: 'paths',
      input: (path: string) => ({ paths: [path] }),
    })),
    { route: 'datasets.locate', key: 'path', input: (path) => ({ key: 'x', path }) },
    {
      route: 'datasets.create',
      key: 'inputs',
      input: (path) => ({ how: 'import', name: 'x', inputs: [path], format: 'pairs' }),
    },
    ...['df_file', 'text_file', 'emb_file', 'bow_file'].map((key) => ({
      route: 'datasets.create',
      key,
      input: (path: string) => ({ how: 'link', name: 'x', splits: { train: { df_file: 'configs', [key]: path } } }),
    })),
    {
      route: 'datasets.create',
      key: 'vocab_file',
      input: (path) => ({ how: 'link', name: 'x', splits: { train: { df_file: 'configs' } }, vocab_file: path }),
    },
    {
      route: 'experiment.draft',
      key: 'keep.dts_config_file',
      input: (path) => ({ origin: { kind: 'defaults' }, keep: { dts_config_file: path } }),
    },
    ...['runs.start', 'runs.queue'].flatMap((route) =>
      ['dts_config_file', 'config_file'].map((key) => ({
        route,
        key: `experiment.${key}`,
        input: (path: string) => ({ experiment: { ...experiment, [key]: path } }),
      })),
    ),
  ]
}

/** Paths that nobody has allowed, in every way of writing them. */
export const FORBIDDEN_PATHS = [
  '/etc/passwd',
  '/',
  '../../../../../../../../../../etc/passwd',
  '/proc/self/environ',
  '/proc/self/root/etc/passwd',
  '/etc/./passwd',
  'x\0y',
]
