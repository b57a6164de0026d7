import path from 'node:path'

/**
 * Who may import whom (docs/ARCHITECTURE.md). Type imports count: a layer that needs another's types depends on it.
 * `packages` are the npm packages a layer may use, `null` meaning any; `node` says whether Node's own modules are allowed.
 */
export const LAYERS = {
  shared: { layers: [], packages: ['zod'], node: false },
  engine: { layers: ['shared'], packages: null, forbidden: ['electron', 'better-sqlite3', 'vue'], node: true },
  core: { layers: ['shared'], packages: null, forbidden: ['electron', 'vue'], node: true },
  server: { layers: ['core', 'shared'], packages: null, forbidden: ['electron', 'vue'], node: true },
  cli: { layers: ['core', 'server', 'shared'], packages: null, forbidden: ['electron', 'vue'], node: true },
  main: { layers: ['core', 'shared'], packages: null, forbidden: ['vue'], node: true },
  preload: { layers: ['shared'], packages: ['electron'], node: false },
  renderer: { layers: ['shared'], packages: null, forbidden: ['electron', 'better-sqlite3'], node: false },
}

/** What is wrong with `specifier` standing in `file` (both relative to `root` or absolute), or null. */
export function judgeImport(root, file, specifier) {
  const [top, layer] = path.relative(path.join(root), file).split(path.sep)
  const rule = top === 'src' ? LAYERS[layer] : undefined
  if (!rule) return null
  const test = /\.test\.ts$/.test(file)
  if (specifier.startsWith('.')) {
    const [otherTop, other] = path.relative(root, path.resolve(path.dirname(file), specifier)).split(path.sep)
    if (otherTop !== 'src') return test ? null : `${layer} may not import from ${otherTop}/`
    if (other === layer || rule.layers.includes(other)) return null
    return `${layer} may not import ${other}: it may use ${rule.layers.join(', ') || 'nothing but itself'}`
  }
  if (specifier.startsWith('node:')) return rule.node || test ? null : `${layer} may not use Node's ${specifier}`
  const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
  if (test && ['vitest', 'fast-check'].includes(name)) return null
  if (rule.packages && !rule.packages.includes(name)) return `${layer} may not use the package ${name}`
  if (rule.forbidden?.includes(name)) return `${layer} may not use the package ${name}`
  return null
}

export const layers = {
  rules: {
    imports: {
      meta: { type: 'problem', schema: [], docs: { description: 'the import table of docs/ARCHITECTURE.md' } },
      create(context) {
        const check = (node) => {
          const specifier = node.source?.value
          if (typeof specifier !== 'string') return
          const message = judgeImport(context.cwd, context.filename, specifier)
          if (message) context.report({ node: node.source, message })
        }
        return {
          ImportDeclaration: check,
          ImportExpression: check,
          ExportNamedDeclaration: check,
          ExportAllDeclaration: check,
          TSImportType: (node) => check({ source: node.source ?? node.argument?.literal }),
        }
      },
    },
  },
}
