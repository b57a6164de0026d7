import { expect, test } from 'vitest'
import { complainAboutNode } from './nodeVersion'

test('a Node that is too old starts, or a newer one is refused', () => {
  for (const version of ['22.12.0', '22.13.1', '24.0.0', '100.1.0']) expect(complainAboutNode(version)).toBeUndefined()
  for (const version of ['22.11.9', '20.20.2', '18.0.0'])
    expect(complainAboutNode(version)).toContain(`Node ${version}`)
})
