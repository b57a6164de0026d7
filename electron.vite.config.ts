import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'electron-vite'
import { kernels } from './scripts/kernels/compile.mjs'

const root = import.meta.dirname

/** Naive UI's styles without `<style>` elements, see `adoptedStyles.ts`. */
const adoptedStyles = {
  name: 'adopted-styles',
  enforce: 'pre' as const,
  resolveId: {
    filter: { id: /^\.\/mount$/ },
    handler: (_source: string, importer: string | undefined) =>
      importer?.includes('/css-render/') === true ? join(root, 'src/renderer/ui/adoptedStyles.ts') : undefined,
  },
}

/** CodeMirror's likewise, see `adoptedStyleMod.ts`. */
const adoptedStyleMod = {
  name: 'adopted-style-mod',
  enforce: 'pre' as const,
  resolveId: {
    filter: { id: /^style-mod$/ },
    handler: (_source: string, importer: string | undefined) =>
      importer?.endsWith('/adoptedStyleMod.ts') === false
        ? join(root, 'src/renderer/ui/adoptedStyleMod.ts')
        : undefined,
  },
}

const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
const define = { __DELTA_VERSION__: JSON.stringify(version) }

/** Programs of their own: each is started by path, `out/main/<name>.js`. */
const entries = {
  index: 'src/main/index.ts',
  cli: 'src/cli/index.ts',
  engine: 'src/engine/entry.ts',
  splitThread: 'src/engine/evaluate/splitThread.ts',
  server: 'src/server/index.ts',
}
const input = Object.fromEntries(
  Object.entries(entries)
    .map(([name, path]) => [name, join(root, path)])
    .filter(([, path]) => existsSync(path)),
)

export default defineConfig({
  main: {
    define,
    plugins: [kernels(root)],
    build: {
      // The oldest Node of `engines`: the command line runs outside Electron as well.
      target: 'node22.12',
      externalizeDeps: {
        include: ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs'],
        exclude: [
          // Bundled, since Node cannot resolve tfjs-core's gradients by itself.
          ...['@tensorflow/tfjs-core', '@tensorflow/tfjs-backend-cpu', '@tensorflow/tfjs-backend-wasm'],
          // Bundled, since reading their many files takes longer than a short training run.
          ...[
            'zod',
            'hyparquet',
            'hyparquet-compressors',
            'hyparquet-writer',
            'js-yaml',
            'commander',
            'ws',
            'umap-js',
            'xxhash-wasm',
          ],
        ],
      },
      rolldownOptions: {
        input,
        // A first start would show them to a person, who can do nothing about the kernels' compiler.
        checks: { bundlerTimings: false },
        // Parts lie beside the entries, so that `import.meta.dirname` is `out/main` everywhere.
        output: { entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js' },
      },
    },
  },
  preload: {
    build: {
      externalizeDeps: false,
      rolldownOptions: {
        input: { index: join(root, 'src/preload/index.ts') },
        // A sandboxed preload is read as one CommonJS script.
        output: { format: 'cjs', entryFileNames: '[name].cjs' },
      },
    },
  },
  renderer: {
    root: join(root, 'src/renderer'),
    define,
    plugins: [vue(), adoptedStyles, adoptedStyleMod],
    build: {
      target: 'es2022',
      // The first to know `light-dark()`: older ones would get a polyfill that doubles every rule.
      cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
      minify: true,
      // The CSP allows no `data:` script or style, and one rule for all assets is easier to check than two.
      assetsInlineLimit: 0,
      // Read from disk or from this machine: one large file is no slower than several.
      chunkSizeWarningLimit: 2000,
      rolldownOptions: { input: join(root, 'src/renderer/index.html') },
    },
  },
})
