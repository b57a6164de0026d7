import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { MetricBatch } from '../../shared/domain/metric'
import { maskedCrc32c } from '../../shared/crc32c'
import { unwritable } from './files'
import { bytes, double, float, integer, message, text } from './protobuf'

type Hyperparameter = string | number | boolean

/**
 * A TensorBoard event file: TFRecord frames (length, masked CRC of the length, payload, masked CRC of the payload)
 * around `Event` messages. Field numbers: tensorflow/core/util/event.proto, framework/summary.proto and TensorBoard's
 * plugins/hparams/{plugin_data,api}.proto.
 */
export class EventFile {
  readonly file: string
  readonly #handle: number

  constructor(folder: string, now = Date.now()) {
    const seconds = Math.floor(now / 1000)
    this.file = path.join(folder, `events.out.tfevents.${seconds}.${os.hostname()}.${process.pid}.0`)
    try {
      this.#handle = fs.openSync(this.file, 'a')
    } catch (cause) {
      throw unwritable(this.file, cause)
    }
    this.#write(now, 0, text(3, 'brain.Event:2'))
  }

  scalars({ step, time, values }: MetricBatch): void {
    const summary = Object.entries(values).map(([tag, value]) => bytes(1, message(text(1, tag), float(2, value))))
    this.#write(time, step, bytes(5, message(...summary)))
  }

  /** The run's parameters and the metrics to set beside them, for TensorBoard's HParams page. */
  hparams(hparams: Readonly<Record<string, Hyperparameter>>, metrics: readonly string[], now = Date.now()): void {
    const infos = Object.entries(hparams).map(([name, value]) =>
      bytes(4, message(text(1, name), integer(4, dataType(value)))),
    )
    const metricInfos = metrics.map((tag) => bytes(5, message(bytes(1, text(2, tag)))))
    this.#plugin('_hparams_/experiment', bytes(2, message(double(3, now / 1000), ...infos, ...metricInfos)), now)
    const entries = Object.entries(hparams).map(([name, value]) =>
      bytes(1, message(text(1, name), bytes(2, protobufValue(value)))),
    )
    this.#plugin('_hparams_/session_start_info', bytes(3, message(...entries, double(5, now / 1000))), now)
  }

  /** How the session ended, for the HParams page. */
  end(success: boolean, now = Date.now()): void {
    const STATUS_SUCCESS = 1
    const STATUS_FAILURE = 2
    const info = message(integer(1, success ? STATUS_SUCCESS : STATUS_FAILURE), double(2, now / 1000))
    this.#plugin('_hparams_/session_end_info', bytes(4, info), now)
  }

  /** Tells TensorBoard that a resumed run goes on at this step: later points of the earlier session are void. */
  restart(step: number, now = Date.now()): void {
    const SESSION_START = 1
    this.#write(now, step, bytes(7, integer(1, SESSION_START)))
  }

  close(): void {
    fs.closeSync(this.#handle)
  }

  #plugin(tag: string, content: Uint8Array, now: number): void {
    const metadata = message(bytes(1, message(text(1, 'hparams'), bytes(2, content))))
    this.#write(now, 0, bytes(5, bytes(1, message(text(1, tag), bytes(9, metadata)))))
  }

  #write(time: number, step: number, payload: Uint8Array): void {
    const event = message(double(1, time / 1000), integer(2, step), payload)
    const header = new Uint8Array(12)
    const view = new DataView(header.buffer)
    view.setBigUint64(0, BigInt(event.length), true)
    view.setUint32(8, maskedCrc32c(header.subarray(0, 8)), true)
    const footer = new Uint8Array(4)
    new DataView(footer.buffer).setUint32(0, maskedCrc32c(event), true)
    try {
      fs.writeSync(this.#handle, message(header, event, footer))
    } catch (cause) {
      throw unwritable(this.file, cause)
    }
  }
}

/** api.proto's DataType. */
function dataType(value: Hyperparameter): number {
  return typeof value === 'string' ? 1 : typeof value === 'boolean' ? 2 : 3
}

/** google.protobuf.Value. */
function protobufValue(value: Hyperparameter): Uint8Array {
  if (typeof value === 'string') return text(3, value)
  return typeof value === 'boolean' ? integer(4, Number(value)) : double(2, value)
}
