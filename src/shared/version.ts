/** Put in by the build from package.json; absent where sources run unbuilt. */
declare const __DELTA_VERSION__: string | undefined

export const VERSION: string = typeof __DELTA_VERSION__ === 'string' ? __DELTA_VERSION__ : '0.0.0-source'
