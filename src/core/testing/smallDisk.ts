import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'

const mount = (...parts: string[]): boolean => spawnSync('mount', parts).status === 0

/** Makes a disk of its own of a folder, by tmpfs' options (`size=64k`). Whether that was possible: it needs Linux and root. */
export const mountDisk = (dir: string, options: string): boolean =>
  process.platform === 'linux' && process.getuid?.() === 0 && mount('-t', 'tmpfs', '-o', options, 'tmpfs', dir)

export const remountDisk = (dir: string, options: string): boolean => mount('-o', `remount,${options}`, dir)

export const unmountDisk = (dir: string): boolean => spawnSync('umount', [dir]).status === 0

export const DISKS_POSSIBLE = (() => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'delta-disk-'))
  const mounted = mountDisk(dir, 'size=64k')
  if (!mounted || unmountDisk(dir)) fs.rmdirSync(dir)
  return mounted
})()

/** Said in the name of a test that needs one. */
export const SKIPPED_WITHOUT_DISKS = DISKS_POSSIBLE ? '' : ' (skipped: mounting a tmpfs is not permitted here)'
