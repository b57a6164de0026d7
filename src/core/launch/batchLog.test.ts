import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { DISKS_POSSIBLE, mountDisk, remountDisk, SKIPPED_WITHOUT_DISKS, unmountDisk } from '../testing/smallDisk'
import { BatchLog } from './batchLog'

let dir: string
beforeEach(() => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'delta-batches-'))
})
afterEach(() => fs.rmSync(dir, { recursive: true, force: true }))

const PAGE_BYTES = 4096
const task = (trial: number) => ({ trial, attempt: 1, rung: 3 })

test.skipIf(!DISKS_POSSIBLE)(
  `a disk that is full in the middle of a line leaves a log to which the next line is added${SKIPPED_WITHOUT_DISKS}`,
  () => {
    expect(mountDisk(dir, `size=${PAGE_BYTES}`)).toBe(true)
    try {
      const log = new BatchLog(dir)
      const file = path.join(dir, 'batches.jsonl')
      log.begin('a', [task(0)])
      const whole = fs.statSync(file).size
      // A line longer than the page that there is: its beginning finds room.
      const many = Array.from({ length: PAGE_BYTES / 16 }, (_, i) => task(i))
      expect(() => log.begin('b', many)).toThrow(/batches\.jsonl cannot be written: .*no space left/i)
      expect(fs.statSync(file).size).toBe(whole)
      expect(log.batches.map(({ token }) => token)).toEqual(['a'])

      expect(remountDisk(dir, 'size=64k')).toBe(true)
      log.begin('c', many)
      expect(new BatchLog(dir).batches).toEqual(log.batches)
      expect(log.batches.map(({ token }) => token)).toEqual(['a', 'c'])
    } finally {
      unmountDisk(dir)
    }
  },
)

test('a line that was cut short, as its writer was killed, is taken away before the next one', () => {
  const log = new BatchLog(dir)
  log.begin('a', [task(0)])
  fs.appendFileSync(path.join(dir, 'batches.jsonl'), '{"token":"b","ta')
  const next = new BatchLog(dir)
  next.handedOver('a', '17')
  expect(new BatchLog(dir).batches).toEqual([{ token: 'a', job: '17', tasks: [task(0)], ended: new Map() }])
})
