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

const task = (trial: number) => ({ trial, attempt: 1, rung: 3 })

test.skipIf(!DISKS_POSSIBLE)(
  `a line that a full disk has kept half of is read, or stands before the next one${SKIPPED_WITHOUT_DISKS}`,
  () => {
    expect(mountDisk(dir, 'size=64k')).toBe(true)
    try {
      const log = new BatchLog(dir)
      log.begin('a', [task(0)])
      // Longer than what is left of the disk: its beginning finds room.
      const many = Array.from({ length: 4096 }, (_, i) => task(i))
      expect(() => log.begin('b', many)).toThrow(/batches\.jsonl cannot be written: .*no space left/i)
      expect(fs.readFileSync(path.join(dir, 'batches.jsonl'), 'utf8')).toContain('"b"')
      expect(log.batches.map(({ token }) => token)).toEqual(['a'])

      expect(remountDisk(dir, 'size=1m')).toBe(true)
      log.begin('c', many)
      expect(log.batches.map(({ token }) => token)).toEqual(['a', 'c'])
      expect(new BatchLog(dir).batches).toEqual(log.batches)
    } finally {
      unmountDisk(dir)
    }
  },
)

test('a line that a killed writer has left half of stands before the next one', () => {
  const log = new BatchLog(dir)
  log.begin('a', [task(0)])
  fs.appendFileSync(path.join(dir, 'batches.jsonl'), '{"token":"b","ta')
  const next = new BatchLog(dir)
  next.handedOver('a', '17')
  expect(new BatchLog(dir).batches).toEqual([{ token: 'a', job: '17', tasks: [task(0)], ended: new Map() }])
})
