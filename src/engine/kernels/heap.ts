import { AppError } from '../../shared/errors'

const PAGE_BYTES = 65536
/** All that 32-bit addresses reach: 4 GiB. */
const MAX_PAGES = 65536
/** The kernels' own constants stand below. */
const FIRST_BYTE = PAGE_BYTES
/** A cache line: buffers of different threads share none. */
const ALIGNMENT = 64
/** Memory is added in steps of at least this many pages (4 MiB). */
const GROWTH_PAGES = 64

/**
 * The memory that kernels compute in, shared by all their threads. It only grows: whatever a run needs is allocated once,
 * before its first step. Views stay valid when it grows.
 */
export class Heap {
  readonly memory: WebAssembly.Memory
  readonly #buffers = new WeakSet<ArrayBufferLike>()
  #top = FIRST_BYTE

  constructor() {
    this.memory = new WebAssembly.Memory({ initial: 1, maximum: MAX_PAGES, shared: true })
  }

  /**
   * The address of that many zeroed bytes, on a cache line.
   *
   * @throws AppError `out_of_range` where neither 32-bit addresses nor the machine have room
   */
  allocate(bytes: number): number {
    const address = this.#top
    const end = Math.ceil((address + bytes) / ALIGNMENT) * ALIGNMENT
    const missing = Math.ceil((end - this.memory.buffer.byteLength) / PAGE_BYTES)
    if (missing > 0) this.#grow(missing, bytes)
    this.#top = end
    return address
  }

  #grow(pages: number, wanted: number): void {
    const room = MAX_PAGES - this.memory.buffer.byteLength / PAGE_BYTES
    try {
      if (pages > room) throw new RangeError(`${pages} pages are wanted, ${room} are left`)
      this.memory.grow(Math.min(room, Math.max(pages, GROWTH_PAGES)))
    } catch (cause) {
      const [gibibytes, left] = [wanted, room * PAGE_BYTES].map((bytes) => (bytes / 2 ** 30).toFixed(2))
      throw new AppError(
        'out_of_range',
        `There is no memory for ${gibibytes} GiB more: the fused engine addresses 4 GiB, of which ${left} are left`,
        { fix: 'Set trainer.table_dtype to float16, or use fewer texts or narrower vectors.' },
        cause,
      )
    }
  }

  /** `length` values at an address. */
  floats(address: number, length: number): Float32Array {
    return new Float32Array(this.#buffer(), address, length)
  }

  halves(address: number, length: number): Uint16Array {
    return new Uint16Array(this.#buffer(), address, length)
  }

  words(address: number, length: number): Int32Array {
    return new Int32Array(this.#buffer(), address, length)
  }

  doubles(address: number, length: number): Float64Array {
    return new Float64Array(this.#buffer(), address, length)
  }

  /** Copies an array to memory of its own. */
  place(values: Float32Array | Uint16Array | Int32Array): number {
    const address = this.allocate(values.byteLength)
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
    new Uint8Array(this.#buffer(), address, values.byteLength).set(bytes)
    return address
  }

  /** Whether a view lies in this heap, so that kernels can read it where it is. */
  holds(view: ArrayBufferView): boolean {
    return this.#buffers.has(view.buffer)
  }

  /** Growing makes another buffer object over the same memory; views may be of any of them. */
  #buffer(): ArrayBufferLike {
    const { buffer } = this.memory
    this.#buffers.add(buffer)
    return buffer
  }
}
