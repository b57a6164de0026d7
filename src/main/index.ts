import { keepCompiled } from '../core/compileCache'

keepCompiled()
// Electron becomes ready after that: schemes are registered before.
await import('./desktop')
