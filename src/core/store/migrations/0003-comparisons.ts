import type { Migration } from '../migrations'

/** Comparisons under a name. */
export const comparisons: Migration = {
  version: 3,
  name: 'comparisons',
  sql: `
-- \`address\` (JSON) is the query of the page that shows it; \`runs\` are those that it was saved with.
CREATE TABLE comparisons (
  name TEXT PRIMARY KEY,
  address TEXT NOT NULL,
  runs INTEGER NOT NULL,
  saved INTEGER NOT NULL
) WITHOUT ROWID, STRICT;
`,
}
