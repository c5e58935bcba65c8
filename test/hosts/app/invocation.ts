import { report } from './control.ts'

/** One call of a function on a platform, which is frozen when all that it was told of has ended. */
export class Invocation {
  /** When the platform ends it, in the form in which Vercel says it. */
  readonly deadline: string
  readonly #held: Promise<unknown>[] = []

  /** @param timeout The milliseconds after which it is cut. */
  constructor(timeout: number) {
    this.deadline = new Date(Date.now() + timeout).toISOString()
    setTimeout(report, timeout, 'cut', '')
  }

  /** Works only as a method, as on some platforms. */
  waitUntil(promise: Promise<unknown>): void {
    this.#held.push(promise)
  }

  async freeze(): Promise<void> {
    await Promise.all(this.#held)
    report('frozen', '', { held: this.#held.length })
  }
}
