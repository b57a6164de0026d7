import { readTexts } from '../data/texts'
import { TextPool } from '../browse/textPool'

/** The texts of a split by their row, read once: in bounded memory, each distinct one held once. */
export class SplitTexts {
  readonly #pool = new TextPool()
  readonly #codes: number[] = []

  /**
   * @param file the split's `text_file`
   * @throws AppError `not_found`, `unreadable`, `data_invalid`, `stopped`
   */
  static async read(file: string, signal: AbortSignal): Promise<SplitTexts> {
    const texts = new SplitTexts()
    await readTexts(file, (text) => texts.#codes.push(texts.#pool.add(text)), { signal })
    return texts
  }

  /** @param most characters; a longer text is cut. Empty where the file has become shorter. */
  at(row: number, most?: number): string {
    const code = this.#codes[row]
    return code === undefined ? '' : this.#pool.get(code, most)
  }

  close(): void {
    this.#pool.close()
  }
}
