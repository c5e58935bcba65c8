import { isError } from '../util/checks.ts'

/** What a function in a thread has thrown, as plain data: structured clone loses most of an error. */
export type EncodedError =
  | { readonly type: 'value'; readonly value: unknown }
  | {
      readonly type: 'error'
      readonly name: string
      readonly message: string
      readonly stack: string | undefined
      readonly cause: EncodedError | undefined
      readonly errors: readonly EncodedError[] | undefined
      /** Of a `SuppressedError`: its `error` and its `suppressed`. */
      readonly pair: readonly [EncodedError, EncodedError] | undefined
      /** Its own further properties, such as `code`. */
      readonly properties: Readonly<Record<string, unknown>>
    }

/** Not on every runtime. */
const { SuppressedError: Suppressed } = globalThis as {
  SuppressedError?: new (
    error: unknown,
    suppressed: unknown,
    message: string,
  ) => Error & {
    readonly error: unknown
    readonly suppressed: unknown
  }
}

const nativeErrors = new Map<unknown, new (message: string) => Error>(
  [EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError].map((native) => [
    native.name,
    native,
  ]),
)
const encodedApart: ReadonlySet<string> = new Set(['name', 'message', 'stack', 'cause'])
// A chain of causes may be a circle.
const deepestCause = 10

/** The result can be cloned, whatever was thrown. */
export function encodeError(thrown: unknown, depth = 0): EncodedError {
  if (!isError(thrown)) return { type: 'value', value: cloneable(thrown) }
  const encodeInner = (inner: unknown): EncodedError => encodeError(inner, depth + 1)
  const deeper = depth < deepestCause
  // Of an AggregateError they are a list, unless something else was put in its place.
  const errors = thrown instanceof AggregateError ? listOf(deeper && thrown.errors) : undefined
  const isPair = Suppressed !== undefined && deeper && thrown instanceof Suppressed
  return {
    type: 'error',
    name: String(thrown.name),
    message: String(thrown.message),
    stack: typeof thrown.stack === 'string' ? thrown.stack : undefined,
    cause: deeper && 'cause' in thrown ? encodeInner(thrown.cause) : undefined,
    errors: errors?.map(encodeInner),
    pair: isPair ? [encodeInner(thrown.error), encodeInner(thrown.suppressed)] : undefined,
    properties: Object.fromEntries(
      Object.entries(thrown)
        .filter(([key]) => !encodedApart.has(key) && (key !== 'errors' || errors === undefined))
        .map(([key, value]) => [key, cloneable(value)]),
    ),
  }
}

/** The error again, of its native class where it has one. */
export function decodeError(encoded: EncodedError): unknown {
  if (encoded.type === 'value') return encoded.value
  const { name, stack, cause, properties } = encoded
  const error = newError(encoded)
  if (error.name !== name) Object.defineProperty(error, 'name', hidden(name))
  // Bun gives none to a DOMException. Then the error says at least where it has arrived.
  if (stack !== undefined) Object.defineProperty(error, 'stack', hidden(stack))
  if (cause !== undefined) Object.defineProperty(error, 'cause', hidden(decodeError(cause)))
  for (const [key, value] of Object.entries(properties)) {
    Object.defineProperty(error, key, { ...hidden(value), enumerable: true })
  }
  return error
}

function newError({ name, message, errors, pair }: EncodedError & { type: 'error' }): Error {
  if (errors !== undefined) return new AggregateError(errors.map(decodeError), message)
  if (pair !== undefined && Suppressed !== undefined) {
    return new Suppressed(decodeError(pair[0]), decodeError(pair[1]), message)
  }
  return new (nativeErrors.get(name) ?? Error)(message)
}

function hidden(value: unknown): PropertyDescriptor {
  return { value, writable: true, configurable: true }
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

/** The value if it can be cloned, otherwise what kind of thing it is. */
function cloneable(value: unknown): unknown {
  try {
    return structuredClone(value)
  } catch {
    return Object.prototype.toString.call(value)
  }
}
