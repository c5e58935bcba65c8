/** Far below where `JSON.stringify` runs out of stack, which depends on who calls it. */
const deepest = 1000

/**
 * Why a value cannot be stored as JSON and come back the same, with what to do about it, as the end
 * of an error message; `undefined` if it can. Says kinds only, never contents.
 *
 * A property that is `undefined` passes: JSON drops it, and reading it gives `undefined` again.
 */
export function unfitForJson(value: unknown): string | undefined {
  return unfit(value, new Set())
}

function unfit(value: unknown, ancestors: Set<object>): string | undefined {
  if (value === null || typeof value === 'boolean') return undefined
  if (typeof value === 'string') return unfitText(value)
  if (typeof value === 'number') return unfitNumber(value)
  if (typeof value === 'undefined') return lost('undefined')
  if (typeof value !== 'object') return lost(`a ${typeof value}`)
  if (ancestors.has(value)) return lost('a circular reference')
  if (ancestors.size === deepest) return `more than ${deepest} levels, pass flatter data`
  ancestors.add(value)
  const found = unfitObject(value, ancestors)
  ancestors.delete(value)
  return found
}

function unfitNumber(value: number): string | undefined {
  if (Object.is(value, -0)) return '-0, which JSON does not keep, pass 0'
  return Number.isFinite(value) ? undefined : lost(String(value))
}

/**
 * JSON has escapes for both, but PostgreSQL's `jsonb` stores neither.
 *
 * @see {@link https://www.postgresql.org/docs/current/datatype-json.html | PostgreSQL's JSON types}
 */
export function unfitText(text: string): string | undefined {
  if (text.includes('\0')) return 'the character U+0000, which cannot be stored, take it out'
  if (/\p{Surrogate}/u.test(text)) return 'half a surrogate pair, which cannot be stored, repair it'
  return undefined
}

function unfitObject(value: object, ancestors: Set<object>): string | undefined {
  const isArray = Array.isArray(value)
  if (isArray ? !isPlainArray(value) : !isPlainObject(value)) {
    return lost(`an instance of ${classOf(value)}`)
  }
  // A hole is no key, and JSON makes it null.
  if (isArray && Object.keys(value).length < value.length) return lost('undefined')
  for (const key of Reflect.ownKeys(value)) {
    const found = unfitProperty(value, key, ancestors)
    if (found !== undefined) return found
  }
  return undefined
}

function unfitProperty(
  value: object,
  key: string | symbol,
  ancestors: Set<object>,
): string | undefined {
  if (typeof key === 'symbol') return lost('a symbol as a key')
  const child: unknown = Reflect.get(value, key)
  if (Array.isArray(value)) {
    if (key === 'length') return undefined
    return isIndex(key, value.length) ? unfit(child, ancestors) : lost('an array with a property')
  }
  if (child === undefined) return undefined
  if (!Object.prototype.propertyIsEnumerable.call(value, key)) return lost('a hidden property')
  return unfitText(key) ?? unfit(child, ancestors)
}

function isIndex(key: string, length: number): boolean {
  const index = Number(key)
  return String(index >>> 0) === key && index < length
}

/** Of another realm, an Object.prototype is another object, but has the same methods. */
function isPlainObject(value: object): boolean {
  const prototype: object | null = Object.getPrototypeOf(value)
  if (prototype === null) return true
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'isPrototypeOf')
}

/** Not of a subclass, of this realm or another: below its prototype is that of objects. */
function isPlainArray(value: object): boolean {
  const prototype: object | null = Object.getPrototypeOf(value)
  return prototype !== null && isPlainObject(prototype) && Array.isArray(prototype)
}

function classOf(value: object): string {
  const { constructor }: { constructor?: unknown } = Object.getPrototypeOf(value) ?? {}
  return (typeof constructor === 'function' && constructor.name) || 'a class'
}

function lost(found: string): string {
  return `${found}, which JSON does not keep, pass plain data`
}
