import type { Migration } from '../migrations'

/** Who works on a run, and what waits. */
export const queue: Migration = {
  version: 2,
  name: 'queue',
  sql: `
-- The workbench or command line that has taken a run on, from \`starting\` to its end. \`started\` tells a process from a later one
-- with its number. \`threads\` are those that its kernels use.
CREATE TABLE claims (
  run INTEGER PRIMARY KEY REFERENCES runs ON DELETE CASCADE,
  pid INTEGER NOT NULL,
  host TEXT NOT NULL,
  started TEXT NOT NULL,
  threads INTEGER NOT NULL DEFAULT 1
) STRICT;

-- Runs in the status \`queued\`; the lowest position is next. \`restarts\` are left to it after crashes, \`changes\` (JSON) hold what a
-- resumed run changes of its configuration.
CREATE TABLE queue (
  run INTEGER PRIMARY KEY REFERENCES runs ON DELETE CASCADE,
  position INTEGER NOT NULL,
  restarts INTEGER NOT NULL,
  changes TEXT NOT NULL
) STRICT;
CREATE INDEX queue_by_position ON queue (position);

CREATE TABLE queue_settings (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
) WITHOUT ROWID, STRICT;
`,
}
