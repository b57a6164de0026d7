import type { Page } from '@playwright/test'

/** Collects what a page says went wrong: errors, exceptions and violations of its content security policy. */
export function watchForErrors(page: Page, errors: string[], expected: readonly RegExp[]): void {
  const note = (text: string): void => {
    if (!expected.some((pattern) => pattern.test(text))) errors.push(text)
  }
  page.on('console', (message) => {
    if (message.type() === 'error' || /content security policy/i.test(message.text())) note(message.text())
  })
  page.on('pageerror', (error) => note(String(error)))
}
