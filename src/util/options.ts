import { isObject, kindOf, refuse } from './checks.ts'

/** Every option of the package: what one place does not use, another one may, with the same object. */
const names: ReadonlySet<string> = new Set(
  (
    'attributes completed concurrency deadline failure grace idleTimeout limit name onError request ' +
    'resourceLimits run storeTimeout threads timeout tracer unreadTimeout waitUntil when'
  ).split(' '),
)

/**
 * Refuses options that are none, and a name that is misspelt. Not what a class or a prototype brings:
 * such an object has a life of its own.
 */
export function checkOptions(verb: string, options: unknown, known = names): void {
  if (!isObject(options)) refuse(verb, `the options are ${kindOf(options)}`, 'pass an object')
  if (!isPlain(options)) return
  const unknown = Object.keys(options).find((key) => !known.has(key))
  if (unknown !== undefined) {
    refuse(verb, `there is no option ${unknown}`, 'check its spelling or leave it out')
  }
}

function isPlain(value: object): boolean {
  const prototype: object | null = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}
