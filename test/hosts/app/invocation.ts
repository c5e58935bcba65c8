import { report } from './control.ts'

/** One call of a function on a platform, which is frozen when all that it was told of has ended. */
export class Invocation {
  readonly #held: Promise<unknown>[] = []

  /** Works only as a method, as on some platforms. */
  waitUntil(promise: Promise<unknown>): void {
    this.#held.push(promise)
  }

  async freeze(): Promise<void> {
    await Promise.all(this.#held)
    report('frozen', '', { held: this.#held.length })
  }
}
