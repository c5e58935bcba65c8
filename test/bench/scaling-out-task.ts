/** The moment at which it runs, on a clock that all processes of the machine share. */
export function now(): number {
  return performance.timeOrigin + performance.now()
}
