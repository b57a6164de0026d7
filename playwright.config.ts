import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { defineConfig } from '@playwright/test'

// Inherited by everything that a test starts: none of it may touch the history in a person's own folder.
process.env.DELTA_TEST = '1'
process.env.DELTA_HOME ??= join(import.meta.dirname, 'artifacts', 'e2e-history')
// What the tests of all workers share.
if (process.env.DELTA_TRAINED === undefined) {
  const folder = mkdtempSync(join(tmpdir(), 'delta-trained-'))
  process.env.DELTA_TRAINED = folder
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
}

export default defineConfig({
  testDir: 'e2e',
  outputDir: 'artifacts/e2e',
  // Two cores are the smallest machine that must pass: half of the time is waiting for a window to start or to draw.
  workers: 3,
  fullyParallel: true,
  retries: 0,
  // Of a test or a wait that never ends: none may fail because the machine has other things to do.
  timeout: 600_000,
  expect: { timeout: 120_000 },
  forbidOnly: true,
  reporter: [['list'], ['json', { outputFile: process.env.PLAYWRIGHT_JSON_OUTPUT_FILE ?? 'artifacts/test/e2e.json' }]],
})
