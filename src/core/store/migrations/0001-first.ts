import { RUN_STATUSES } from '../../../shared/domain/lifecycle'
import type { Migration } from '../migrations'

const statuses = RUN_STATUSES.map((status) => `'${status}'`).join(', ')

/**
 * The first schema. `key` columns are small integers that stand for a run in tables with many rows. Times are
 * milliseconds since the Unix epoch.
 *
 * Points of a live run are narrow rows clustered by (run, metric, step). Measured against a rowid table with an index on the
 * same columns: 20 bytes a point instead of 47, a third more points a second, half the time to bucket a curve. Epoch and
 * time are the same for all figures of a step and stand in `moments`, once.
 *
 * What is read from files (an ended run's folder, an import) is kept as columns instead, `series`: a hundred times fewer rows,
 * so that a curve of 10,000 points is read in microseconds and an event file of millions of points in a second.
 *
 * A status is checked by the database too, so that no program can write one that the others do not know.
 */
export const first: Migration = {
  version: 1,
  name: 'first',
  sql: `
CREATE TABLE meta (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
) WITHOUT ROWID, STRICT;

-- Folders that were looked through, so that they are looked through again.
CREATE TABLE folders (
  path TEXT PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('runs', 'tensorboard')),
  synced INTEGER
) WITHOUT ROWID, STRICT;

CREATE TABLE experiments (
  key INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE datasets (
  key INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  path TEXT NOT NULL,
  UNIQUE (name, path)
) STRICT;

CREATE TABLE runs (
  key INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  experiment INTEGER NOT NULL REFERENCES experiments,
  exp_version TEXT NOT NULL,
  model_name TEXT NOT NULL,
  dts_name TEXT NOT NULL,
  dataset INTEGER REFERENCES datasets,
  status TEXT NOT NULL CHECK (status IN (${statuses})),
  reason TEXT,
  created INTEGER NOT NULL,
  ended INTEGER,
  -- Absolute; null while no engine has claimed one, or once it holds another run.
  dir TEXT UNIQUE,
  log_dir TEXT,
  source TEXT NOT NULL CHECK (source IN ('trained', 'imported', 'tensorboard')),
  command TEXT NOT NULL,
  cwd TEXT,
  version TEXT NOT NULL,
  -- run.json as last read, and what its files looked like then.
  record TEXT,
  stamp TEXT,
  epochs INTEGER NOT NULL DEFAULT 0,
  -- The configuration as one flat JSON object: a table of 10,000 runs reads it four times as fast as the rows of params.
  config TEXT NOT NULL DEFAULT '{}',
  -- The number of the last batch of metrics; each batch counts one.
  sequence INTEGER NOT NULL DEFAULT 0,
  -- The process that works on it.
  owner_pid INTEGER,
  owner_started TEXT,
  owner_host TEXT,
  heartbeat INTEGER,
  exit_code INTEGER,
  exit_signal TEXT,
  stderr TEXT,
  starred INTEGER NOT NULL DEFAULT 0 CHECK (starred IN (0, 1)),
  note TEXT NOT NULL DEFAULT '',
  -- When the folder was seen to be gone; when the run was put into the trash, and where its folder lies there.
  missing INTEGER,
  trashed INTEGER,
  trash_dir TEXT
) STRICT;
CREATE INDEX runs_by_time ON runs (created DESC);
CREATE INDEX runs_by_log_dir ON runs (log_dir);
CREATE INDEX runs_active ON runs (status) WHERE status IN ('queued', 'starting', 'running', 'stopping');

-- The configuration, flattened: trainer.learning_rate → 0.002. Lists and empty sections are JSON text.
CREATE TABLE params (
  run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
  name TEXT NOT NULL,
  type TEXT NOT NULL CHECK (type IN ('number', 'string', 'boolean', 'null', 'list', 'section')),
  number REAL,
  text TEXT NOT NULL,
  PRIMARY KEY (run, name)
) WITHOUT ROWID, STRICT;
CREATE INDEX params_by_name ON params (name, number);

-- What it ran on and with: versions, commit, processor, backend.
CREATE TABLE environment (
  run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
  name TEXT NOT NULL,
  type TEXT NOT NULL CHECK (type IN ('number', 'string', 'boolean', 'null', 'list', 'section')),
  number REAL,
  text TEXT NOT NULL,
  PRIMARY KEY (run, name)
) WITHOUT ROWID, STRICT;

CREATE TABLE metrics (
  key INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE points (
  run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
  metric INTEGER NOT NULL REFERENCES metrics,
  step INTEGER NOT NULL,
  -- Null is NaN.
  value REAL,
  PRIMARY KEY (run, metric, step)
) WITHOUT ROWID, STRICT;

-- Little-endian columns (encodeColumns): steps, times and values float64, NaN as it is, epochs int32. A point in \`points\` wins over one here.
CREATE TABLE series (
  run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
  metric INTEGER NOT NULL REFERENCES metrics,
  part INTEGER NOT NULL,
  points INTEGER NOT NULL,
  steps BLOB NOT NULL,
  epochs BLOB NOT NULL,
  times BLOB NOT NULL,
  value BLOB NOT NULL,
  PRIMARY KEY (run, metric, part)
) STRICT;

CREATE TABLE moments (
  run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
  step INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  time INTEGER NOT NULL,
  PRIMARY KEY (run, step)
) WITHOUT ROWID, STRICT;

-- One row a run and metric, so that a table of runs reads no curves.
CREATE TABLE figures (
  run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
  metric INTEGER NOT NULL REFERENCES metrics,
  step INTEGER NOT NULL,
  last REAL,
  lowest REAL,
  highest REAL,
  points INTEGER NOT NULL,
  PRIMARY KEY (run, metric)
) WITHOUT ROWID, STRICT;
CREATE INDEX figures_by_metric ON figures (metric, last);

-- From predictions/<split>.parquet.
CREATE TABLE user_results (
  run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
  split TEXT NOT NULL,
  user TEXT NOT NULL,
  pairs INTEGER NOT NULL,
  acc REAL NOT NULL,
  loss REAL NOT NULL,
  PRIMARY KEY (run, split, user)
) WITHOUT ROWID, STRICT;

CREATE TABLE slice_results (
  run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
  split TEXT NOT NULL,
  slice TEXT NOT NULL,
  pairs INTEGER NOT NULL,
  acc REAL NOT NULL,
  loss REAL NOT NULL,
  PRIMARY KEY (run, split, slice)
) WITHOUT ROWID, STRICT;

CREATE TABLE transitions (
  key INTEGER PRIMARY KEY AUTOINCREMENT,
  run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
  from_status TEXT CHECK (from_status IN (${statuses})),
  to_status TEXT NOT NULL CHECK (to_status IN (${statuses})),
  at INTEGER NOT NULL,
  reason TEXT NOT NULL
) STRICT;
CREATE INDEX transitions_by_run ON transitions (run, key);

CREATE TABLE events (
  key INTEGER PRIMARY KEY AUTOINCREMENT,
  run INTEGER REFERENCES runs ON DELETE CASCADE,
  at INTEGER NOT NULL,
  kind TEXT NOT NULL,
  message TEXT NOT NULL
) STRICT;
CREATE INDEX events_by_run ON events (run, key);

CREATE TABLE tags (
  run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
  tag TEXT NOT NULL,
  PRIMARY KEY (run, tag)
) WITHOUT ROWID, STRICT;
CREATE INDEX tags_by_tag ON tags (tag);

-- Data files that a run read, and their contents.
CREATE TABLE run_files (
  run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
  role TEXT NOT NULL,
  path TEXT NOT NULL,
  size INTEGER NOT NULL,
  sha256 TEXT NOT NULL,
  PRIMARY KEY (run, role)
) WITHOUT ROWID, STRICT;

-- Hashes of files, valid while size, time (ns) and inode are the same.
CREATE TABLE file_hashes (
  path TEXT PRIMARY KEY,
  size INTEGER NOT NULL,
  mtime TEXT NOT NULL,
  inode TEXT NOT NULL,
  sha256 TEXT NOT NULL
) WITHOUT ROWID, STRICT;
`,
}
