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

test.skipIf(!DISKS_POSSIBLE)(
  `a first line for which the disk has no room, or half of it, lets no other one follow${SKIPPED_WITHOUT_DISKS}`,
  () => {
    const many = Array.from({ length: 4096 }, (_, i) => task(i))
    // Room for a page of it, and for no file at all.
    for (const options of ['size=64k', 'size=64k,nr_inodes=1']) {
      expect(mountDisk(dir, options)).toBe(true)
      try {
        const log = new BatchLog(dir)
        expect(() => log.begin('a', many)).toThrow(/cannot be written/)
        expect(remountDisk(dir, 'size=1m,nr_inodes=10')).toBe(true)
        log.begin('b', many)
        expect(new BatchLog(dir).batches.map(({ token }) => token)).toEqual(['b'])
      } finally {
        unmountDisk(dir)
      }
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
