import { hostname, userInfo } from 'node:os'

/** The line that reaches this server from the machine somebody sits at. */
export function sshHint(port: number): string {
  return `ssh -N -L ${port}:127.0.0.1:${port} ${userName()}${hostname()}`
}

/** A container may run under a number that has no name. */
function userName(): string {
  try {
    return `${userInfo().username}@`
  } catch {
    return ''
  }
}
