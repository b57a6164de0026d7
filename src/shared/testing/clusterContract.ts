import type { Case } from './contract'

const profile = 'launcher: slurm\npartition: none-of-this-name\n'

/** The profiles of clusters of a door, from the first text to the last one that is deleted. */
export const clusterCases: readonly Case[] = [
  {
    title: 'begins with the example',
    route: 'clusters.draft',
    input: () => ({}),
    check: ({ yaml }) => (String(yaml).includes('launcher: slurm') ? undefined : 'another text'),
  },
  {
    title: 'makes a change in its text',
    route: 'clusters.check',
    input: () => ({ yaml: profile, changes: { throttle: 4, time: 'soon' } }),
    check: ({ yaml, problems }) =>
      String(yaml).includes('throttle: 4\n') && Array.isArray(problems) && problems.length === 1
        ? undefined
        : 'another text, or not one mistake',
  },
  {
    title: 'has no such key',
    route: 'clusters.check',
    input: () => ({ yaml: profile, changes: { surprise: 1 } }),
    error: 'config_invalid',
  },
  {
    title: 'keeps it',
    route: 'clusters.save',
    input: () => ({ name: 'contract', yaml: profile }),
    check: ({ kept }) => (kept === true ? undefined : 'not kept'),
  },
  {
    title: 'keeps one outside of its folder',
    route: 'clusters.save',
    input: () => ({ name: '../contract', yaml: profile }),
    error: 'usage',
  },
  {
    title: 'lists it',
    route: 'clusters.list',
    input: () => ({}),
    check: ({ profiles }) => (JSON.stringify(profiles).includes('"contract"') ? undefined : 'not listed'),
  },
  {
    title: 'reads it',
    route: 'clusters.get',
    input: () => ({ name: 'contract' }),
    check: ({ yaml }) => (yaml === profile ? undefined : 'another text'),
  },
  {
    title: 'copies it',
    route: 'clusters.copy',
    input: () => ({ name: 'contract' }),
    check: ({ name }) => (name === 'contract-2' ? undefined : 'another name'),
  },
  {
    title: 'asks it',
    route: 'clusters.look',
    input: () => ({ name: 'contract' }),
    check: ({ answers }) =>
      // Neither a machine without Slurm nor one with it has that partition.
      Array.isArray(answers) && answers.some((one) => Object(one).works === false) ? undefined : 'all of it works',
  },
  ...['contract', 'contract-2'].map((name) => ({
    title: 'deletes it',
    route: 'clusters.delete',
    input: () => ({ name }),
  })),
  { title: 'reads what is gone', route: 'clusters.get', input: () => ({ name: 'contract' }), error: 'not_found' },
]
