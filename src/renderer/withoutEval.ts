import { config } from 'zod'

// zod compiles its parsers with `new Function` and probes for it first; the page's CSP forbids both and reports the probe.
config({ jitless: true })
