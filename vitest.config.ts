import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vitest/config'
import { kernels } from './scripts/kernels/compile.mjs'

const folders = ['shared', 'engine', 'core', 'cli', 'server', 'main', 'preload', 'renderer'] as const
/** Their tests leave nothing behind in the process, so that it serves one file after the other, and loads and compiles only once. */
const shareProcess = new Set<string>(['shared', 'renderer', 'engine', 'core'])
/** Whether its library is there is a matter of the whole process: each file of these has its own. */
const TENSORFLOW = 'src/engine/backends/tensorflow/*.test.ts'

/** Of a test, a hook or a poll that never ends: none may fail because the machine has other things to do. */
const HANGS_MS = 300_000

export default defineConfig({
  plugins: [vue(), kernels(import.meta.dirname)],
  // As the build resolves them: one copy of tfjs-core, not its CommonJS bundle beside its modules.
  resolve: { alias: [{ find: /^@tensorflow\/tfjs-core$/, replacement: '@tensorflow/tfjs-core/dist/index.js' }] },
  define: { __DELTA_VERSION__: JSON.stringify('0.0.0-test') },
  test: {
    // Two cores are the smallest machine that must pass: a third of the time is waiting for processes that start and for others.
    maxWorkers: 3,
    // As in the build: Node cannot resolve tfjs-core's gradients by itself.
    server: { deps: { inline: [/@tensorflow/] } },
    testTimeout: HANGS_MS,
    hookTimeout: HANGS_MS,
    expect: { poll: { timeout: HANGS_MS / 3, interval: 20 } },
    projects: [
      ...folders.map((name) => ({
        extends: true as const,
        test: {
          name,
          include: [`src/${name}/**/*.test.ts`],
          exclude: ['**/*.golden.test.ts', ...(name === 'engine' ? [TENSORFLOW] : [])],
          isolate: !shareProcess.has(name),
        },
      })),
      { extends: true, test: { name: 'tensorflow', include: [TENSORFLOW] } },
      { extends: true, test: { name: 'fuzz', include: ['fuzz/**/*.test.ts'] } },
      { extends: true, test: { name: 'scripts', include: ['scripts/**/*.test.mjs'] } },
      { extends: true, test: { name: 'bench', include: ['bench/**/*.test.ts'] } },
      { extends: true, test: { name: 'golden', include: ['src/**/*.golden.test.ts'] } },
    ],
  },
})
