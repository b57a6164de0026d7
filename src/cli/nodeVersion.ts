/** The oldest Node that the dependencies run on (`engines` of package.json). */
const OLDEST = [22, 12] as const

/** What to say to a Node that is too old, or undefined. */
export function complainAboutNode(version: string): string | undefined {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return undefined
  return `delta needs Node ${OLDEST.join('.')} or newer; this is Node ${version}. Install a newer one from nodejs.org.`
}
