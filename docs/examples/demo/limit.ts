/** As `p-limit` does: at most `max` tasks run at a time, of however many requests. */
export function limitTo(max: number): (run: () => Promise<void>) => void {
  const waiting: (() => Promise<void>)[] = []
  let running = 0
  const next = (): void => {
    const run = running < max ? waiting.shift() : undefined
    if (run === undefined) return
    running += 1
    void run().then(() => {
      running -= 1
      next()
    })
  }
  return (run) => {
    waiting.push(run)
    next()
  }
}
