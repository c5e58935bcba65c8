/** Fails for misuse. What was wrong names no value: it may be secret. */
export function refuse(verb: string, wrong: string, advice: string, Kind = TypeError): never {
  throw new Kind(`Cannot ${verb}: ${wrong}, ${advice}`)
}

/** Names a value in an error message without printing it: it may be secret. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  if (isThenable(value)) return 'a promise'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}

/** True for a promise of any realm or library. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof Object(value).then === 'function'
}

/** True for an object, whose properties can then be looked at. */
export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

/** Also one of another realm: of Jest, of `node:vm`, of a frame. */
export function isError(value: unknown): value is Error {
  return (
    value instanceof Error ||
    /^\[object (Error|DOMException)\]$/.test(Object.prototype.toString.call(value))
  )
}

/** Refuses what is no function. */
export function checkFunction(
  verb: string,
  name: string,
  value: unknown,
  advice = 'pass a function',
): void {
  if (typeof value !== 'function') refuse(verb, `${name} is ${kindOf(value)}`, advice)
}

/** Refuses milliseconds that a timer cannot count. */
export function checkMilliseconds(verb: string, name: string, value: unknown): void {
  if (value === undefined || (typeof value === 'number' && value > 0)) return
  const shown = typeof value === 'number' ? value : kindOf(value)
  refuse(verb, `${name} is ${shown}`, 'pass milliseconds above 0', RangeError)
}

/** Refuses a count that is not a whole number from 1, or `Infinity`. */
export function checkCount(verb: string, name: string, value: unknown): void {
  if (value === Infinity || (Number.isInteger(value) && Number(value) >= 1)) return
  const shown = typeof value === 'number' ? value : kindOf(value)
  refuse(verb, `${name} is ${shown}`, 'pass a whole number from 1 or Infinity', RangeError)
}
