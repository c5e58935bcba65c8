/**
 * What about a value a trip through JSON would change, in words for an error message, or `undefined`
 * if it would come back the same. Says kinds only, never contents.
 *
 * A property that is `undefined` passes: JSON drops it, and reading it gives `undefined` again.
 */
export function lostInJson(value: unknown): string | undefined {
  return lost(value, new Set())
}

function lost(value: unknown, ancestors: Set<object>): string | undefined {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return undefined
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : String(value)
  if (typeof value !== 'object')
    return typeof value === 'undefined' ? 'undefined' : `a ${typeof value}`
  if (ancestors.has(value)) return 'a circular reference'
  const children = childrenOf(value)
  if (children === undefined) return `an instance of ${value.constructor?.name ?? 'a class'}`
  ancestors.add(value)
  for (const child of children) {
    const found = lost(child, ancestors)
    if (found !== undefined) return found
  }
  ancestors.delete(value)
  return undefined
}

function childrenOf(value: object): readonly unknown[] | undefined {
  // A copy of an array turns its holes, which JSON makes null, into what they read as.
  if (Array.isArray(value)) return [...value]
  const prototype: unknown = Object.getPrototypeOf(value)
  // A plain object of another realm has another Object.prototype, with nothing above it either.
  const isPlain = prototype === null || Object.getPrototypeOf(prototype) === null
  if (!isPlain) return undefined
  return Object.values(value).filter((child) => child !== undefined)
}
