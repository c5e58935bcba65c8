/** Milliseconds; a timer set to more fires at once. */
export const longestTimer = 2 ** 31 - 1

/** Calls `callback` after `delay` milliseconds, for ever if it is too long. Keeps no process alive. */
export function startTimer(
  callback: () => void,
  delay: number,
): ReturnType<typeof setTimeout> | undefined {
  if (delay > longestTimer) return undefined
  const timer = setTimeout(callback, delay)
  const handle: { unref?: unknown } = Object(timer)
  if (typeof handle.unref === 'function') handle.unref()
  return timer
}
